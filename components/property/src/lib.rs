//! Companies and what they let: compounds, apartments, tenants, occupancies, invoices, payments, maintenance.
//!
//! One route file per resource. Every handler first finds whose the thing is ([`principal::Principal`]): what belongs to
//! another company is 404 before role, query or body are judged.

mod audit;
mod notify;
mod paper;
mod principal;
mod routes;

use axum::routing::post;
use nexus_kit::{App, internal, listing};
use nexus_protocol::job_paths;
use nexus_store::{self as store, property::company_settings};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::routes::{
    apartments, companies, compounds, imports, invoice_actions, invoices, jobs, maintenance_requests, occupancies,
    papers, payments, tenants,
};

pub fn routes() -> OpenApiRouter<App> {
    let mut router = operations();
    let api = router.get_openapi_mut();
    listing::document(api, "/companies", &company_settings::LISTING);
    listing::document(api, "/compounds", &store::property::compounds::LISTING);
    listing::document(api, "/apartments", &store::property::apartments::LISTING);
    listing::document(api, "/apartments/{id}/history", &store::audit::reader::HISTORY);
    listing::document(api, "/tenants", &store::property::tenants::LISTING);
    listing::document(api, "/occupancies", &store::property::occupancies::LISTING);
    listing::document(api, "/invoices", &store::property::invoices::LISTING);
    listing::document(api, "/payments", &store::property::payments::LISTING);
    listing::document(api, "/maintenance-requests", &store::property::maintenance::LISTING);
    principal::document(api);
    router
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(companies::list_companies, companies::create_company))
        .routes(routes!(
            companies::get_company,
            companies::update_company,
            companies::delete_company
        ))
        .routes(routes!(compounds::list_compounds, compounds::create_compound))
        .routes(routes!(
            compounds::get_compound,
            compounds::update_compound,
            compounds::delete_compound
        ))
        .routes(routes!(apartments::list_apartments, apartments::create_apartment))
        .routes(routes!(
            apartments::get_apartment,
            apartments::update_apartment,
            apartments::delete_apartment
        ))
        .routes(routes!(apartments::list_apartment_history))
        .routes(routes!(imports::import_apartments))
        .routes(routes!(tenants::list_tenants, tenants::create_tenant))
        .routes(routes!(
            tenants::get_tenant,
            tenants::update_tenant,
            tenants::delete_tenant
        ))
        .routes(routes!(imports::import_tenants))
        .routes(routes!(occupancies::list_occupancies, occupancies::create_occupancy))
        .routes(routes!(
            occupancies::get_occupancy,
            occupancies::update_occupancy,
            occupancies::delete_occupancy
        ))
        .routes(routes!(occupancies::end_occupancy))
        .routes(routes!(occupancies::enter_deposit))
        .routes(routes!(invoices::list_invoices, invoices::create_invoice))
        .routes(routes!(
            invoices::get_invoice,
            invoices::update_invoice,
            invoices::delete_invoice
        ))
        .routes(routes!(invoice_actions::issue_invoice))
        .routes(routes!(invoice_actions::void_invoice))
        .routes(routes!(invoice_actions::generate_invoices))
        .routes(routes!(papers::get_invoice_pdf))
        .routes(routes!(payments::list_payments, payments::create_payment))
        .routes(routes!(payments::get_payment))
        .routes(routes!(payments::reverse_payment))
        .routes(routes!(papers::get_payment_receipt))
        .routes(routes!(
            maintenance_requests::list_maintenance_requests,
            maintenance_requests::create_maintenance_request
        ))
        .routes(routes!(
            maintenance_requests::get_maintenance_request,
            maintenance_requests::update_maintenance_request,
            maintenance_requests::delete_maintenance_request
        ))
        .merge(internal::routes([
            (job_paths::OVERDUE, post(jobs::overdue)),
            (job_paths::REMINDERS, post(jobs::reminders)),
            (job_paths::LATE_FEES, post(jobs::late_fees)),
            (job_paths::MONTHLY_INVOICES, post(jobs::monthly_invoices)),
        ]))
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}

#[cfg(test)]
mod tests;
