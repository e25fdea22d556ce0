//! The mailer: empties the outbox through the transport bound to `nexus:mail/transport`, or into the development
//! mailbox; shows the outbox to admins; hears from the provider what became of its mails.
//!
//! Only this component may reach the provider. The transport is bound in `spin.toml`:
//!
//! ```toml
//! [component.mailer]
//! source = "target/wasm32-wasip2/release/mailer.wasm"
//! sqlite_databases = ["default"]
//! key_value_stores = ["default"]
//! allowed_outbound_hosts = ["{{ sendgrid_base_url }}"]
//! [component.mailer.dependencies]
//! "nexus:mail/transport" = { component = "mail-sendgrid", inherit_configuration = ["allowed_outbound_hosts"] }
//!
//! [component.mail-sendgrid]
//! source = "target/wasm32-wasip2/release/mail_sendgrid.wasm"
//! ```

mod accepted;
mod backpressure;
mod delivery;
mod email_content;
mod renderer;
mod routes;
pub mod transport;
mod unsettled;

use nexus_kit::{App, listing};
use nexus_store::mail::outbox_admin;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route of this component.
pub fn routes() -> OpenApiRouter<App> {
    let mut router = operations();
    listing::document(router.get_openapi_mut(), "/admin/mail", &outbox_admin::LISTING);
    router
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routes::outbox::list_mail))
        .routes(routes!(routes::outbox::retry_mail))
        .routes(routes!(routes::webhook::take_sendgrid_events))
        .routes(routes!(routes::mailbox::list_mailbox))
        .routes(routes!(routes::mailbox::get_mailbox_item))
        .merge(routes::internal::routes())
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}

#[cfg(test)]
mod tests;
