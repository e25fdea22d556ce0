//! What is done with invoices: issue, void, generate.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use nexus_domain::Role;
use nexus_domain::booking_dates::check_billed_month;
use nexus_domain::date::Month;
use nexus_domain::ids::InvoiceId;
use nexus_domain::invoice::{Invoice, InvoiceStatus};
use nexus_kit::idempotency::{Keyed, Ticket};
use nexus_kit::layers::nudge_mail;
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, respond, write};
use nexus_store::property::billing::MonthBatch;
use nexus_store::property::company_state::CompanyToday;
use nexus_store::property::invoices::Voided;
use nexus_store::property::ledger_notices::{Event, Notice, tell};
use nexus_store::{
    StoreError, Transaction,
    property::{billing, company_owned, company_settings, invoices as store},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::invoices::find;
use crate::audit::{AuditWriter, COMPANY, INVOICE};
use crate::notify;
use crate::principal::{Principal, PrincipalWith};

/// Holds `If-Match` against the invoice as it is under the lock.
fn check_version(
    tx: &Transaction<'_>,
    headers: &HeaderMap,
    day: &CompanyToday,
    invoice: InvoiceId,
) -> Result<(), ApiError> {
    let invoice = company_owned::find(tx, day.id, invoice)?.ok_or_else(ApiError::not_found)?;
    respond::check_if_match(headers, invoice.version)
}

/// A body in which nothing need stand.
#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct NoBody {}

/// Issue a draft: it gets its number and is sent.
#[utoipa::path(
    post, path = "/api/v1/invoices/{id}/issue", tag = "invoices",
    params(("id" = InvoiceId, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = Option<NoBody>, content_type = "application/json"),
    responses((status = 200, body = Invoice), (status = 412))
)]
pub async fn issue_invoice(
    State(app): State<App>,
    principal: PrincipalWith<InvoiceId>,
    headers: HeaderMap,
    keyed: Result<Keyed<NoBody>, ApiError>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Keyed { key, .. } = keyed?;
    let console = notify::console(&app)?;
    let audit = principal.audit();
    let issued = key.once(&app, principal.user(), StatusCode::OK, move |tx| {
        check_version(tx, &headers, &day, found.id)?;
        let invoice = store::issue(tx, &day, found.id)?;
        let details = json!({ "invoiceNumber": invoice.invoice_number, "totalAmount": invoice.total_amount });
        audit.note(tx, day.id, &INVOICE, "issued", invoice.id, details)?;
        let notices = if invoice.status == InvoiceStatus::Paid {
            Vec::new()
        } else {
            let notice = Notice::about(Event::Issued, &invoice, invoice.total_amount);
            tell(tx, &day, &notify::means(&console), &[notice])?
        };
        Ok((invoice, notices))
    });
    Ok(issued.await?.finish(|response, notices| {
        notify::publish(&app, notices);
        nudge_mail(response)
    }))
}

/// Take an invoice back on which nothing was paid. Its late fee goes with it; where something was paid on that, 422.
#[utoipa::path(
    post, path = "/api/v1/invoices/{id}/void", tag = "invoices",
    params(("id" = InvoiceId, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = Option<NoBody>, content_type = "application/json"),
    responses((status = 200, body = Invoice), (status = 412))
)]
pub async fn void_invoice(
    State(app): State<App>,
    principal: PrincipalWith<InvoiceId>,
    headers: HeaderMap,
    keyed: Result<Keyed<NoBody>, ApiError>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Keyed { key, .. } = keyed?;
    let audit = principal.audit();
    let voided = key.once(&app, principal.user(), StatusCode::OK, move |tx| {
        check_version(tx, &headers, &day, found.id)?;
        let Voided { invoice, late_fee } = store::void(tx, &day, found.id)?;
        let details = json!({ "invoiceNumber": invoice.invoice_number, "totalAmount": invoice.total_amount });
        audit.note(tx, day.id, &INVOICE, "voided", invoice.id, details)?;
        if let Some(fee) = late_fee {
            let details = json!({
                "invoiceNumber": fee.invoice_number, "totalAmount": fee.total_amount, "lateFeeFor": invoice.invoice_number
            });
            audit.note(tx, day.id, &INVOICE, "voided", fee.id, details)?;
        }
        Ok((invoice, ()))
    });
    Ok(voided.await?.into_response())
}

/// One entry for all of a batch: the numbers say which they are.
pub fn note_generated(
    audit: &AuditWriter,
    tx: &Transaction<'_>,
    day: &CompanyToday,
    month: Month,
    batch: &MonthBatch,
) -> Result<(), StoreError> {
    let Some((first, last)) = &batch.numbers else {
        return Ok(());
    };
    let details = json!({ "month": month, "created": batch.done.created, "first": first, "last": last });
    audit.note(tx, day.id, &COMPANY, "invoices_generated", day.id, details)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct MonthToBill {
    /// From 2000-01 to the next month in the company's zone.
    month: Month,
}

#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratedInvoices {
    created: usize,
    /// Occupancies that have the month's invoice already.
    skipped: usize,
}

/// Issue the rent invoices of a month, one per occupancy that touches it. They are made in batches: where one fails, or
/// the server dies, those before it stand, and the call sent again makes the rest and counts the others as skipped.
#[utoipa::path(
    post, path = "/api/v1/invoices/generate", tag = "invoices", params(("Idempotency-Key" = Option<String>, Header)),
    request_body = MonthToBill,
    responses((status = 200, body = GeneratedInvoices))
)]
pub async fn generate_invoices(
    State(app): State<App>,
    principal: Principal,
    keyed: Result<Keyed<MonthToBill>, ApiError>,
) -> ApiResult {
    let day = principal.day(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Keyed { body, key } = keyed?;
    check_billed_month(body.month, day.today).map_err(|invalid| ApiError::field("month", invalid))?;
    let audit = principal.audit();
    let generated = key.once_in_steps(&app, principal.user(), |ticket| {
        generate(&app, audit, day, body.month, ticket)
    });
    Ok(generated.await?.finish(|response, ()| nudge_mail(response)))
}

/// Batch by batch, so that others can write in between. The answer is kept with the last one.
async fn generate(
    app: &App,
    audit: AuditWriter,
    day: CompanyToday,
    month: Month,
    ticket: Ticket,
) -> Result<(), ApiError> {
    let console = notify::console(app)?;
    let (mut so_far, mut after) = (GeneratedInvoices::default(), None);
    loop {
        let (audit, day, ticket, console) = (audit.clone(), day.clone(), ticket.clone(), console.clone());
        let (batch, answer) = write(app, move |tx| {
            let company = company_settings::find(tx, day.id)?.ok_or_else(ApiError::not_found)?;
            let batch = billing::generate_batch(tx, &day, &company, &notify::means(&console), month, after.as_ref())?;
            note_generated(&audit, tx, &day, month, &batch)?;
            let answer = GeneratedInvoices {
                created: so_far.created + batch.done.created,
                skipped: so_far.skipped + batch.done.skipped,
            };
            if batch.next.is_none() {
                ticket.keep(tx, StatusCode::OK, &answer)?;
            }
            Ok::<_, ApiError>((batch, answer))
        })
        .await?;
        notify::publish(app, batch.done.told);
        if batch.next.is_none() {
            return Ok(());
        }
        (so_far, after) = (answer, batch.next);
    }
}
