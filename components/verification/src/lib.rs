//! Verification: documents and the decisions on them, the administration of people, the audit log.

mod routes;

use nexus_kit::{App, listing};
use nexus_store::{audit::reader, identity::user_admin};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route of this component.
pub fn routes() -> OpenApiRouter<App> {
    let mut router = operations();
    let api = router.get_openapi_mut();
    listing::document(api, "/admin/users", &user_admin::LISTING);
    listing::document(api, "/admin/audit", &reader::LISTING);
    listing::document_sorts(api, "/admin/verifications", &["submittedAt"], "submittedAt");
    router
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routes::case::get_case))
        .routes(routes!(routes::case::resubmit_documents))
        .routes(routes!(routes::documents::list_own_documents))
        .routes(routes!(routes::documents::get_document_content))
        .routes(routes!(routes::verifications::list_verifications))
        .routes(routes!(routes::verifications::get_verification))
        .routes(routes!(routes::decisions::approve_verification))
        .routes(routes!(routes::decisions::reject_verification))
        .routes(routes!(routes::users::list_users))
        .routes(routes!(routes::users::get_user, routes::users::patch_user))
        .routes(routes!(routes::account_acts::suspend_user))
        .routes(routes!(routes::account_acts::ban_user))
        .routes(routes!(routes::account_acts::reinstate_user))
        .routes(routes!(routes::account_acts::reset_user_mfa))
        .routes(routes!(routes::audit::list_audit_entries))
        .routes(routes!(routes::audit::verify_audit_log))
        .merge(routes::internal::routes())
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}

#[cfg(test)]
mod tests;
