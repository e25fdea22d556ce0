//! The routes, one file per resource.

mod email_change;
mod me;
mod one_time_codes;
mod passkeys;
mod passwords;
mod personal_data;
mod refresh;
mod register;
mod second_factor;
mod sessions;
mod sign_in;

use axum::routing::post;
use nexus_kit::{App, internal};
use nexus_protocol::job_paths;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The answer that says nothing but that something may follow by mail.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    message: &'static str,
}

impl Accepted {
    const fn mail() -> Self {
        Self {
            message: "If there is something to be sent to this address, it is on its way.",
        }
    }
}

pub fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register_user))
        .routes(routes!(one_time_codes::verify_email))
        .routes(routes!(one_time_codes::resend_otp))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(refresh::refresh_session))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::sign_out_everywhere))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(me::get_me, me::change_me, personal_data::delete_me))
        .routes(routes!(personal_data::export_me))
        .routes(routes!(passwords::change_password))
        .routes(routes!(passwords::forgot_password))
        .routes(routes!(passwords::reset_password))
        .routes(routes!(second_factor::enroll))
        .routes(routes!(second_factor::activate))
        .routes(routes!(second_factor::disable))
        .routes(routes!(passkeys::list_passkeys))
        .routes(routes!(passkeys::enroll_passkey))
        .routes(routes!(passkeys::activate_passkey))
        .routes(routes!(passkeys::challenge_passkey))
        .routes(routes!(passkeys::remove_passkey))
        .routes(routes!(email_change::request_email_change))
        .routes(routes!(email_change::confirm_email_change))
        .merge(internal::routes([(
            job_paths::IDENTITY_RETENTION,
            post(personal_data::run_retention),
        )]))
}
