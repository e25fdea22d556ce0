//! `/invoices`: drafts and what they become.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use nexus_domain::booking_dates::check_invoice_date;
use nexus_domain::date::Date;
use nexus_domain::ids::{InvoiceId, OccupancyId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, LedgerError, Lines, NewLine};
use nexus_domain::money::{Currency, Money};
use nexus_domain::{Invalid, Role};
use nexus_kit::idempotency::Keyed;
use nexus_kit::layers::nudge_mail;
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, RawJson};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, clock, respond};
use nexus_store::property::company_state::CompanyToday;
use nexus_store::property::ledger_notices::{Event, Notice, tell};
use nexus_store::property::{company_owned, company_settings, invoices as store};
use utoipa::ToSchema;

use crate::audit::INVOICE;
use crate::notify;
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{Body, change, remove, updated};

const CSV: &[&str] = &[
    "id",
    "invoiceNumber",
    "occupancyId",
    "tenantId",
    "kind",
    "invoiceDate",
    "dueDate",
    "periodStart",
    "periodEnd",
    "lines",
    "currency",
    "totalAmount",
    "paidAmount",
    "balance",
    "status",
    "createdAt",
    "updatedAt",
];

/// The invoices of a company; those a resident was sent.
#[utoipa::path(
    get, path = "/api/v1/invoices", tag = "invoices", params(ListParams),
    responses((status = 200, body = Page<Invoice>), (status = 304))
)]
pub async fn list_invoices(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    let mut asked = listing::read(&store::LISTING, "invoices", Some(company), principal.pairs())?;
    principal.restrict_to_tenant(&app, company, &mut asked, store::OF_TENANT)?;
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewInvoice {
    occupancy_id: OccupancyId,
    /// Today in the company's zone where nothing is said; from 2000-01-01 to a year from today.
    #[deserr(default)]
    #[schema(required = false, value_type = Date)]
    invoice_date: Change<Date>,
    /// By the company's terms where nothing is said.
    #[deserr(default)]
    #[schema(required = false, value_type = Date)]
    due_date: Change<Date>,
    #[deserr(default)]
    period_start: Option<Date>,
    #[deserr(default)]
    period_end: Option<Date>,
    lines: Vec<NewLine>,
    /// May be left out; if it stands there it must be the company's.
    #[deserr(default)]
    #[schema(required = false, value_type = Currency)]
    currency: Change<Currency>,
    /// May be left out; if it stands there it must be the sum of the lines.
    #[deserr(default)]
    #[schema(required = false, value_type = Money)]
    total_amount: Change<Money>,
    /// DRAFT, or ISSUED to issue it at once.
    #[deserr(default)]
    #[schema(required = false, value_type = InvoiceStatus)]
    status: Change<InvoiceStatus>,
}

fn refuse<T>(field: &str, code: &'static str, message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::field(field, Invalid::new(code, message)))
}

fn dated(day: &CompanyToday, date: Date) -> Result<Date, ApiError> {
    check_invoice_date(date, day.today).map_err(|invalid| ApiError::field("invoiceDate", invalid))
}

fn check_period(start: Option<Date>, end: Option<Date>) -> Result<(), ApiError> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => {
            refuse("periodEnd", "OUT_OF_RANGE", "must not be before `periodStart`")
        }
        (Some(_), None) => refuse("periodEnd", "REQUIRED", "is required beside `periodStart`"),
        (None, Some(_)) => refuse("periodStart", "REQUIRED", "is required beside `periodEnd`"),
        _ => Ok(()),
    }
}

fn check_lines(lines: &[NewLine], total: Option<Money>) -> Result<Lines, ApiError> {
    let lines = Lines::from_given(lines).map_err(|(field, invalid)| ApiError::field(field, invalid))?;
    match total {
        Some(total) if total != lines.total => refuse(
            "totalAmount",
            "WRONG_AMOUNT",
            format!("must be the sum of the lines, {}", lines.total),
        ),
        _ => Ok(lines),
    }
}

fn check_currency(day: &CompanyToday, given: Option<Currency>) -> Result<(), ApiError> {
    match given {
        Some(currency) if currency != day.currency => refuse(
            "currency",
            "WRONG_CURRENCY",
            format!("must be the company's, {}", day.currency),
        ),
        _ => Ok(()),
    }
}

/// Write an invoice.
#[utoipa::path(
    post, path = "/api/v1/invoices", tag = "invoices", params(("Idempotency-Key" = Option<String>, Header)),
    request_body = NewInvoice,
    responses((status = 201, body = Invoice))
)]
pub async fn create_invoice(
    State(app): State<App>,
    principal: Principal,
    keyed: Result<Keyed<RawJson>, ApiError>,
) -> ApiResult {
    let day = principal.day(&app).await?;
    principal.require(Role::Manager)?;
    let Keyed { body, key } = keyed?;
    let occupancy = match body.id::<OccupancyId>("occupancyId") {
        Some(occupancy) => Some(
            company_owned::find(app.database(), day.id, occupancy)?
                .ok_or_else(|| ApiError::not_found_in("occupancyId"))?,
        ),
        None => None,
    };
    principal.reject_unknown_query(&[])?;
    let mut invoice = draft(&app, &day, occupancy.map(|occupancy| occupancy.tenant_id), body.read()?)?;
    let console = notify::console(&app)?;
    let audit = principal.audit();
    let created = key.once(&app, principal.user(), StatusCode::CREATED, move |tx| {
        store::insert(tx, &mut invoice)?;
        audit.created(tx, day.id, &INVOICE, &invoice)?;
        let notices = if invoice.status == InvoiceStatus::Issued {
            let notice = Notice::about(Event::Issued, &invoice, invoice.total_amount);
            tell(tx, &day, &notify::means(&console), &[notice])?
        } else {
            Vec::new()
        };
        Ok((invoice, notices))
    });
    Ok(created.await?.finish(|response, notices| {
        notify::publish(&app, notices);
        nudge_mail(response)
    }))
}

fn draft(
    app: &App,
    day: &CompanyToday,
    tenant: Option<nexus_domain::ids::TenantId>,
    new: NewInvoice,
) -> Result<Invoice, ApiError> {
    check_period(new.period_start, new.period_end)?;
    check_currency(day, new.currency.0)?;
    let lines = check_lines(&new.lines, new.total_amount.0)?;
    let invoice_date = dated(day, new.invoice_date.clone().or(day.today))?;
    let due_date = match new.due_date.0 {
        Some(due) if new.invoice_date.0.is_some_and(|date| due < date) => {
            return refuse("dueDate", "OUT_OF_RANGE", "must not be before `invoiceDate`");
        }
        Some(due) => due,
        None => {
            let company = company_settings::find(app.database(), day.id)?.ok_or_else(ApiError::not_found)?;
            invoice_date.plus_days(company.billing.due_days.count())
        }
    };
    let status = match new.status.or(InvoiceStatus::Draft) {
        InvoiceStatus::Draft => InvoiceStatus::Draft,
        InvoiceStatus::Issued => InvoiceStatus::of_issued(lines.total, Money::ZERO, due_date, day.today),
        other => return Err(LedgerError::InvalidTransition(other).into()),
    };
    Ok(Invoice {
        id: clock::new_id(InvoiceId::generate),
        company_id: day.id,
        occupancy_id: new.occupancy_id,
        tenant_id: tenant.ok_or_else(|| ApiError::not_found_in("occupancyId"))?,
        invoice_number: None,
        kind: InvoiceKind::Manual,
        invoice_date,
        due_date,
        period_start: new.period_start,
        period_end: new.period_end,
        lines: lines.lines,
        currency: day.currency,
        total_amount: lines.total,
        paid_amount: Money::ZERO,
        balance: lines.total,
        status,
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    })
}

/// The invoice as it is today; a resident finds what was sent to them only.
pub async fn find(
    app: &App,
    principal: PrincipalWith<InvoiceId>,
) -> Result<(Principal, CompanyToday, Invoice), ApiError> {
    let (principal, day, invoice) = principal.find(app).await?;
    let sent = |tenant| Some(invoice.tenant_id) == tenant && invoice.status != InvoiceStatus::Draft;
    if principal.role().is_resident() && !sent(principal.tenant(app, day.id)?) {
        return Err(ApiError::not_found());
    }
    Ok((principal, day, invoice))
}

/// One invoice.
#[utoipa::path(
    get, path = "/api/v1/invoices/{id}", tag = "invoices", params(("id" = InvoiceId, Path)),
    responses((status = 200, body = Invoice), (status = 304))
)]
pub async fn get_invoice(State(app): State<App>, principal: PrincipalWith<InvoiceId>, headers: HeaderMap) -> ApiResult {
    let (principal, _, invoice) = find(&app, principal).await?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, invoice.version, &invoice))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct InvoicePatch {
    #[deserr(default)]
    #[schema(required = false, value_type = Date)]
    invoice_date: Change<Date>,
    #[deserr(default)]
    #[schema(required = false, value_type = Date)]
    due_date: Change<Date>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Date>)]
    period_start: Clearable<Date>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Date>)]
    period_end: Clearable<Date>,
    /// All lines anew.
    #[deserr(default)]
    #[schema(required = false, value_type = Vec<NewLine>)]
    lines: Change<Vec<NewLine>>,
}

/// Change a draft.
#[utoipa::path(
    patch, path = "/api/v1/invoices/{id}", tag = "invoices", params(("id" = InvoiceId, Path)),
    request_body = InvoicePatch,
    responses((status = 200, body = Invoice), (status = 412), (status = 422))
)]
pub async fn update_invoice(
    State(app): State<App>,
    principal: PrincipalWith<InvoiceId>,
    headers: HeaderMap,
    body: Body<InvoicePatch>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Json(patch) = body?;
    if let Some(date) = patch.invoice_date.0 {
        dated(&day, date)?;
    }
    let lines = patch
        .lines
        .0
        .as_deref()
        .map(|lines| check_lines(lines, None))
        .transpose()?;
    let edited = change(&app, &principal, day.id, (&INVOICE, updated), move |tx| {
        store::edit(tx, day.id, found.id, day.now, |mut invoice| {
            respond::check_if_match(&headers, invoice.version)?;
            let dated = patch.invoice_date.0.is_some() || patch.due_date.0.is_some();
            invoice.invoice_date = patch.invoice_date.or(invoice.invoice_date);
            invoice.due_date = patch.due_date.or(invoice.due_date);
            invoice.period_start = patch.period_start.or(invoice.period_start);
            invoice.period_end = patch.period_end.or(invoice.period_end);
            if dated && invoice.due_date < invoice.invoice_date {
                return refuse("dueDate", "OUT_OF_RANGE", "must not be before `invoiceDate`");
            }
            check_period(invoice.period_start, invoice.period_end)?;
            if let Some(lines) = lines {
                invoice.lines = lines.lines;
                invoice.total_amount = lines.total;
                invoice.balance = lines.total;
            }
            Ok::<_, ApiError>(invoice)
        })
    })
    .await?;
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// Throw a draft away.
#[utoipa::path(
    delete, path = "/api/v1/invoices/{id}", tag = "invoices", params(("id" = InvoiceId, Path)),
    responses((status = 204), (status = 409), (status = 412))
)]
pub async fn delete_invoice(
    State(app): State<App>,
    principal: PrincipalWith<InvoiceId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, day, invoice) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let (company, invoice) = (day.id, invoice.id);
    remove(
        &app,
        &principal,
        headers,
        (company, &INVOICE, invoice),
        move |tx| Ok(company_owned::find(tx, company, invoice)?.map(|found| found.version)),
        move |tx| store::delete(tx, company, invoice),
    )
    .await
}
