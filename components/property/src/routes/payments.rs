//! `/payments`: recorded, and taken back; never changed.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use nexus_domain::booking_dates::check_payment_date;
use nexus_domain::date::Date;
use nexus_domain::ids::{InvoiceId, PaymentId};
use nexus_domain::invoice::{Payment, PaymentMethod, Reference};
use nexus_domain::money::{Currency, Money};
use nexus_domain::occupancy::Reason;
use nexus_domain::{Invalid, Role};
use nexus_kit::idempotency::Keyed;
use nexus_kit::layers::nudge_mail;
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, RawJson};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, clock, respond};
use nexus_store::property::company_state::CompanyToday;
use nexus_store::property::ledger_notices::{Event, Notice, tell};
use nexus_store::property::{company_owned, payments as store};
use serde_json::json;
use utoipa::ToSchema;

use crate::audit::PAYMENT;
use crate::notify;
use crate::principal::{Principal, PrincipalWith};

const CSV: &[&str] = &[
    "id",
    "invoiceId",
    "tenantId",
    "amount",
    "currency",
    "paymentDate",
    "paymentMethod",
    "reference",
    "reversedAt",
    "reversalReason",
    "createdAt",
];

/// The payments of a company; a resident's own.
#[utoipa::path(
    get, path = "/api/v1/payments", tag = "payments", params(ListParams),
    responses((status = 200, body = Page<Payment>), (status = 304))
)]
pub async fn list_payments(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    let mut asked = listing::read(&store::LISTING, "payments", Some(company), principal.pairs())?;
    principal.restrict_to_tenant(&app, company, &mut asked, store::OF_TENANT)?;
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewPayment {
    invoice_id: InvoiceId,
    /// More than 0, at most the invoice's balance.
    #[schema(value_type = i64, minimum = 1)]
    amount: Money,
    /// May be left out; if it stands there it must be the company's.
    #[deserr(default)]
    #[schema(required = false, value_type = Currency)]
    currency: Change<Currency>,
    /// A day, or an RFC 3339 time, which is taken as the day it is in the company's zone. Today where nothing is said;
    /// from 2000-01-01 to today.
    #[deserr(default)]
    #[schema(required = false, value_type = Date)]
    payment_date: Change<String>,
    payment_method: PaymentMethod,
    #[deserr(default)]
    reference: Option<Reference>,
}

/// Record a payment on an invoice.
#[utoipa::path(
    post, path = "/api/v1/payments", tag = "payments", params(("Idempotency-Key" = Option<String>, Header)),
    request_body = NewPayment,
    responses((status = 201, body = Payment))
)]
pub async fn create_payment(
    State(app): State<App>,
    principal: Principal,
    keyed: Result<Keyed<RawJson>, ApiError>,
) -> ApiResult {
    let day = principal.day(&app).await?;
    principal.require(Role::Manager)?;
    let Keyed { body, key } = keyed?;
    let tenant = match body.id::<InvoiceId>("invoiceId") {
        Some(invoice) => {
            let invoice = company_owned::find(app.database(), day.id, invoice)?
                .ok_or_else(|| ApiError::not_found_in("invoiceId"))?;
            Some(invoice.tenant_id)
        }
        None => None,
    };
    principal.reject_unknown_query(&[])?;
    let new: NewPayment = body.read()?;
    let payment = Payment {
        id: clock::new_id(PaymentId::generate),
        company_id: day.id,
        invoice_id: new.invoice_id,
        tenant_id: tenant.ok_or_else(|| ApiError::not_found_in("invoiceId"))?,
        amount: new.amount,
        currency: check(&day, &new)?,
        payment_date: date(&day, new.payment_date.0.as_deref())?,
        payment_method: new.payment_method,
        reference: new.reference.map(|reference| reference.to_string()),
        recorded_by: Some(principal.user()),
        reversed_at: None,
        reversal_reason: None,
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    let console = notify::console(&app)?;
    let audit = principal.audit();
    let recorded = key.once(&app, principal.user(), StatusCode::CREATED, move |tx| {
        let invoice = store::record(tx, &payment)?;
        audit.created(tx, day.id, &PAYMENT, &payment)?;
        let notice = Notice::about(Event::Paid, &invoice, payment.amount);
        let notices = tell(tx, &day, &notify::means(&console), &[notice])?;
        Ok((payment, notices))
    });
    Ok(recorded.await?.finish(|response, notices| {
        notify::publish(&app, notices);
        nudge_mail(response)
    }))
}

fn check(day: &CompanyToday, new: &NewPayment) -> Result<Currency, ApiError> {
    if new.amount.is_zero() {
        return Err(ApiError::field(
            "amount",
            Invalid::new("OUT_OF_RANGE", "must be more than 0"),
        ));
    }
    match new.currency.0 {
        Some(currency) if currency != day.currency => {
            let message = format!("must be the company's, {}", day.currency);
            Err(ApiError::field("currency", Invalid::new("WRONG_CURRENCY", message)))
        }
        _ => Ok(day.currency),
    }
}

fn date(day: &CompanyToday, given: Option<&str>) -> Result<Date, ApiError> {
    given.map_or(Ok(day.today), |text| {
        day.zone
            .date_of(text)
            .and_then(|date| check_payment_date(date, day.today))
            .map_err(|invalid| ApiError::field("paymentDate", invalid))
    })
}

/// The payment; a resident finds their own only.
pub async fn find(
    app: &App,
    principal: PrincipalWith<PaymentId>,
) -> Result<(Principal, CompanyToday, Payment), ApiError> {
    let (principal, day, payment) = principal.find(app).await?;
    principal.check_own(app, day.id, payment.tenant_id)?;
    Ok((principal, day, payment))
}

/// One payment.
#[utoipa::path(
    get, path = "/api/v1/payments/{id}", tag = "payments", params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 304))
)]
pub async fn get_payment(State(app): State<App>, principal: PrincipalWith<PaymentId>, headers: HeaderMap) -> ApiResult {
    let (principal, _, payment) = find(&app, principal).await?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, payment.version, &payment))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct PaymentReversal {
    reason: Reason,
}

/// Take a payment back: it stays in the books, with the reason.
#[utoipa::path(
    post, path = "/api/v1/payments/{id}/reverse", tag = "payments",
    params(("id" = PaymentId, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = PaymentReversal,
    responses((status = 200, body = Payment))
)]
pub async fn reverse_payment(
    State(app): State<App>,
    principal: PrincipalWith<PaymentId>,
    keyed: Result<Keyed<PaymentReversal>, ApiError>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Keyed { body, key } = keyed?;
    let (audit, by) = (principal.audit(), principal.user());
    let reversed = key.once(&app, by, StatusCode::OK, move |tx| {
        let reason = body.reason.as_str();
        let payment = store::reverse(tx, day.id, found.id, reason, by, day.now)?;
        let details = json!({ "invoiceId": payment.invoice_id, "amount": payment.amount, "reason": reason });
        audit.note(tx, day.id, &PAYMENT, "reversed", payment.id, details)?;
        Ok((payment, ()))
    });
    Ok(reversed.await?.into_response())
}
