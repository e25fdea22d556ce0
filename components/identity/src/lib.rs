//! Accounts, sessions, passwords, the second factor.
//!
//! Only this component and `verification` see password hashes. Each route file is one resource; what they
//! share — issuing tokens, cookies, counting guesses, composing mails — stands beside `routes`.

mod cookies;
mod mails;
mod passkeys;
mod passwords;
mod rate_limit;
pub mod routes;
mod second_factor;
mod security_log;
mod session_events;
mod tokens;

use nexus_kit::App;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<App> {
    routes::all()
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}
