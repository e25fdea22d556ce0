//! `/occupancies`.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use nexus_domain::date::Date;
use nexus_domain::ids::{ApartmentId, OccupancyId, TenantId, uuid_v7};
use nexus_domain::money::Money;
use nexus_domain::occupancy::{DepositAction, Occupancy, OccupancyError, OccupancyStatus, Reason};
use nexus_domain::{Invalid, Role};
use nexus_kit::idempotency::Keyed;
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, RawJson};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, clock, respond};
use nexus_store::property::company_state::CompanyToday;
use nexus_store::{
    Edited,
    property::{company_owned, company_settings, occupancies as store},
};
use serde_json::json;
use utoipa::ToSchema;

use crate::audit::OCCUPANCY;
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{Body, change, make, remove};

const CSV: &[&str] = &[
    "id",
    "apartmentId",
    "tenantId",
    "startDate",
    "endDate",
    "monthlyRent",
    "depositAmount",
    "depositHeld",
    "status",
    "createdAt",
    "updatedAt",
];

/// The occupancies of a company; a resident's own.
#[utoipa::path(
    get, path = "/api/v1/occupancies", tag = "occupancies", params(ListParams),
    responses((status = 200, body = Page<Occupancy>), (status = 304))
)]
pub async fn list_occupancies(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    let mut asked = listing::read(&store::LISTING, "occupancies", Some(company), principal.pairs())?;
    principal.restrict_to_tenant(&app, company, &mut asked, store::OF_TENANT)?;
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewOccupancy {
    apartment_id: ApartmentId,
    tenant_id: TenantId,
    start_date: Date,
    /// The last day, inclusive.
    #[deserr(default)]
    end_date: Option<Date>,
    /// The apartment's where nothing is said.
    #[deserr(default)]
    #[schema(required = false, value_type = Money)]
    monthly_rent: Change<Money>,
    /// By the company's terms where nothing is said.
    #[deserr(default)]
    #[schema(required = false, value_type = Money)]
    deposit_amount: Change<Money>,
}

/// Let an apartment.
#[utoipa::path(
    post, path = "/api/v1/occupancies", tag = "occupancies", request_body = NewOccupancy,
    responses((status = 201, body = Occupancy), (status = 409))
)]
pub async fn create_occupancy(State(app): State<App>, principal: Principal, body: Body<RawJson>) -> ApiResult {
    let day = principal.day(&app).await?;
    principal.require(Role::Manager)?;
    let Json(body) = body?;
    let database = app.database();
    let apartment = match body.id::<ApartmentId>("apartmentId") {
        Some(apartment) => Some(
            company_owned::find(database, day.id, apartment)?.ok_or_else(|| ApiError::not_found_in("apartmentId"))?,
        ),
        None => None,
    };
    if let Some(tenant) = body.id::<TenantId>("tenantId") {
        company_owned::find(database, day.id, tenant)?.ok_or_else(|| ApiError::not_found_in("tenantId"))?;
    }
    principal.reject_unknown_query(&[])?;
    let new: NewOccupancy = body.read()?;
    check_order(new.start_date, new.end_date)?;
    let rent = new
        .monthly_rent
        .or(apartment.map_or(Money::ZERO, |apartment| apartment.monthly_rent));
    let deposit = match new.deposit_amount.0 {
        Some(amount) => amount,
        None => company_settings::find(database, day.id)?
            .ok_or_else(ApiError::not_found)?
            .deposit
            .months
            .of(rent)
            .map_err(|error| ApiError::field("monthlyRent", Invalid::new("OUT_OF_RANGE", error.to_string())))?,
    };
    let occupancy = Occupancy {
        id: clock::new_id(OccupancyId::generate),
        company_id: day.id,
        apartment_id: new.apartment_id,
        tenant_id: new.tenant_id,
        start_date: new.start_date,
        end_date: new.end_date,
        monthly_rent: rent,
        deposit_amount: deposit,
        deposit_held: Money::ZERO,
        status: OccupancyStatus::on(day.today, new.start_date, new.end_date),
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    let occupancy = make(&app, &principal, day.id, &OCCUPANCY, occupancy, |tx, occupancy| {
        Ok(store::insert(tx, occupancy)?)
    })
    .await?;
    Ok(respond::with_etag(respond::created(&occupancy), occupancy.version))
}

fn check_order(start: Date, end: Option<Date>) -> Result<(), ApiError> {
    match end {
        Some(end) if end < start => Err(OccupancyError::EndsBeforeItStarts.into()),
        _ => Ok(()),
    }
}

/// The occupancy as it is today; a resident finds their own only.
async fn find(
    app: &App,
    principal: PrincipalWith<OccupancyId>,
) -> Result<(Principal, CompanyToday, Occupancy), ApiError> {
    let (principal, day, occupancy) = principal.find(app).await?;
    principal.check_own(app, day.id, occupancy.tenant_id)?;
    Ok((principal, day, occupancy))
}

/// One occupancy.
#[utoipa::path(
    get, path = "/api/v1/occupancies/{id}", tag = "occupancies", params(("id" = OccupancyId, Path)),
    responses((status = 200, body = Occupancy), (status = 304))
)]
pub async fn get_occupancy(
    State(app): State<App>,
    principal: PrincipalWith<OccupancyId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, occupancy) = find(&app, principal).await?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, occupancy.version, &occupancy))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct OccupancyPatch {
    #[deserr(default)]
    #[schema(required = false, value_type = Date)]
    start_date: Change<Date>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Date>)]
    end_date: Clearable<Date>,
    #[deserr(default)]
    #[schema(required = false, value_type = Money)]
    monthly_rent: Change<Money>,
    #[deserr(default)]
    #[schema(required = false, value_type = Money)]
    deposit_amount: Change<Money>,
    /// `CANCELLED` for one that hasn't begun; the others follow from the dates.
    #[deserr(default)]
    #[schema(required = false, value_type = OccupancyStatus)]
    status: Change<OccupancyStatus>,
}

/// Change or cancel an occupancy.
#[utoipa::path(
    patch, path = "/api/v1/occupancies/{id}", tag = "occupancies", params(("id" = OccupancyId, Path)),
    request_body = OccupancyPatch,
    responses((status = 200, body = Occupancy), (status = 409), (status = 412), (status = 422))
)]
pub async fn update_occupancy(
    State(app): State<App>,
    principal: PrincipalWith<OccupancyId>,
    headers: HeaderMap,
    body: Body<OccupancyPatch>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Json(patch) = body?;
    let edited = change(&app, &principal, day.id, (&OCCUPANCY, act), move |tx| {
        store::edit(tx, &day, found.id, |before| {
            respond::check_if_match(&headers, before.version)?;
            let mut after = before.clone();
            after.start_date = patch.start_date.or(after.start_date);
            after.end_date = patch.end_date.or(after.end_date);
            after.monthly_rent = patch.monthly_rent.or(after.monthly_rent);
            after.deposit_amount = patch.deposit_amount.or(after.deposit_amount);
            check_order(after.start_date, after.end_date)?;
            let follows = OccupancyStatus::on(day.today, after.start_date, after.end_date);
            let cancelled = before.status == OccupancyStatus::Cancelled;
            match patch.status.0 {
                Some(OccupancyStatus::Cancelled) if before.status == OccupancyStatus::Upcoming => {
                    after.status = OccupancyStatus::Cancelled
                }
                Some(wanted) if wanted != before.status && (cancelled || wanted != follows) => {
                    return Err(ApiError::from(OccupancyError::InvalidTransition(before.status)));
                }
                _ => {}
            }
            if cancelled && after != before {
                return Err(OccupancyError::InvalidTransition(before.status).into());
            }
            Ok(after)
        })
    })
    .await?;
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// Remove an occupancy that was never billed and has no deposit.
#[utoipa::path(
    delete, path = "/api/v1/occupancies/{id}", tag = "occupancies", params(("id" = OccupancyId, Path)),
    responses((status = 204), (status = 409), (status = 412))
)]
pub async fn delete_occupancy(
    State(app): State<App>,
    principal: PrincipalWith<OccupancyId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, day, occupancy) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let (company, occupancy) = (day.id, occupancy.id);
    remove(
        &app,
        &principal,
        headers,
        (company, &OCCUPANCY, occupancy),
        move |tx| Ok(company_owned::find(tx, company, occupancy)?.map(|found| found.version)),
        move |tx| store::delete(tx, &day, occupancy),
    )
    .await
}

fn act(edited: &Edited<Occupancy>) -> &'static str {
    if edited.after.status == OccupancyStatus::Cancelled {
        "cancelled"
    } else {
        "updated"
    }
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct OccupancyEnd {
    /// The last day, inclusive.
    end_date: Date,
}

/// Say when an occupancy ends, or ended.
#[utoipa::path(
    post, path = "/api/v1/occupancies/{id}/end", tag = "occupancies", params(("id" = OccupancyId, Path)),
    request_body = OccupancyEnd,
    responses((status = 200, body = Occupancy), (status = 409), (status = 412), (status = 422))
)]
pub async fn end_occupancy(
    State(app): State<App>,
    principal: PrincipalWith<OccupancyId>,
    headers: HeaderMap,
    body: Body<OccupancyEnd>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Json(OccupancyEnd { end_date }) = body?;
    let edited = change(&app, &principal, day.id, (&OCCUPANCY, |_| "ended"), move |tx| {
        store::edit(tx, &day, found.id, |mut occupancy| {
            respond::check_if_match(&headers, occupancy.version)?;
            if matches!(occupancy.status, OccupancyStatus::Cancelled | OccupancyStatus::Ended) {
                return Err(ApiError::from(OccupancyError::InvalidTransition(occupancy.status)));
            }
            check_order(occupancy.start_date, Some(end_date))?;
            occupancy.end_date = Some(end_date);
            Ok(occupancy)
        })
    })
    .await?;
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct DepositMovement {
    action: DepositAction,
    #[schema(value_type = i64, minimum = 1)]
    amount: Money,
    #[deserr(default)]
    reason: Option<Reason>,
}

/// Receive a deposit, return it, or take from it what is owed.
#[utoipa::path(
    post, path = "/api/v1/occupancies/{id}/deposit", tag = "occupancies",
    params(("id" = OccupancyId, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = DepositMovement,
    responses((status = 200, body = Occupancy))
)]
pub async fn enter_deposit(
    State(app): State<App>,
    principal: PrincipalWith<OccupancyId>,
    keyed: Result<Keyed<DepositMovement>, ApiError>,
) -> ApiResult {
    let (principal, day, found) = find(&app, principal).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Keyed { body, key } = keyed?;
    if body.amount.is_zero() {
        return Err(ApiError::field(
            "amount",
            Invalid::new("OUT_OF_RANGE", "must be more than 0"),
        ));
    }
    let DepositMovement { action, amount, reason } = body;
    let (audit, by) = (principal.audit(), principal.user());
    let moved = key.once(&app, by, StatusCode::OK, move |tx| {
        let entry = store::DepositEntry {
            id: clock::new_id(uuid_v7),
            company: day.id,
            occupancy: found.id,
            action,
            amount,
            reason: reason.as_ref().map(Reason::as_str),
            at: day.now,
            by,
        };
        let moved = store::enter_deposit(tx, &entry)?.ok_or_else(ApiError::not_found)?;
        if moved.status == OccupancyStatus::Cancelled && action == DepositAction::Receive {
            return Err(OccupancyError::InvalidTransition(moved.status).into());
        }
        let act = match action {
            DepositAction::Receive => "deposit_received",
            DepositAction::Return => "deposit_returned",
            DepositAction::Deduct => "deposit_deducted",
        };
        let details = json!({ "amount": amount, "held": moved.deposit_held });
        audit.note(tx, day.id, &OCCUPANCY, act, found.id, details)?;
        Ok((moved, ()))
    });
    Ok(moved.await?.into_response())
}
