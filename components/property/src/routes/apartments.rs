//! `/apartments`.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::Role;
use nexus_domain::ids::{ApartmentId, CompoundId};
use nexus_domain::money::Money;
use nexus_domain::premises::{Apartment, ApartmentNumber, ApartmentStatus, Area, Bedrooms, Floor};
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, RawJson};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, clock, respond};
use nexus_store::audit::reader::{HISTORY, HistoryEntry, of_subject};
use nexus_store::property::{apartments as store, company_owned};
use utoipa::ToSchema;

use crate::audit::APARTMENT;
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{Body, change, make, remove, updated};

const CSV: &[&str] = &[
    "id",
    "compoundId",
    "apartmentNumber",
    "floor",
    "bedrooms",
    "areaSqm",
    "monthlyRent",
    "status",
    "createdAt",
    "updatedAt",
];

/// The apartments of a company.
#[utoipa::path(
    get, path = "/api/v1/apartments", tag = "apartments", params(ListParams),
    responses((status = 200, body = Page<Apartment>), (status = 304))
)]
pub async fn list_apartments(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    let asked = listing::read(&store::LISTING, "apartments", Some(company), principal.pairs())?;
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewApartment {
    pub compound_id: CompoundId,
    pub apartment_number: ApartmentNumber,
    #[deserr(default)]
    pub floor: Option<Floor>,
    #[deserr(default)]
    pub bedrooms: Option<Bedrooms>,
    #[deserr(default)]
    pub area_sqm: Option<Area>,
    pub monthly_rent: Money,
    /// VACANT, MAINTENANCE or INACTIVE: nobody can live there yet.
    #[deserr(default)]
    #[schema(required = false, value_type = ApartmentStatus)]
    pub status: Change<ApartmentStatus>,
}

/// Add an apartment.
#[utoipa::path(
    post, path = "/api/v1/apartments", tag = "apartments", request_body = NewApartment,
    responses((status = 201, body = Apartment), (status = 409), (status = 422))
)]
pub async fn create_apartment(State(app): State<App>, principal: Principal, body: Body<RawJson>) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    let Json(body) = body?;
    if let Some(compound) = body.id::<CompoundId>("compoundId") {
        company_owned::find(app.database(), company, compound)?.ok_or_else(|| ApiError::not_found_in("compoundId"))?;
    }
    principal.reject_unknown_query(&[])?;
    let new: NewApartment = body.read()?;
    let now = clock::now();
    let apartment = Apartment {
        id: clock::new_id(ApartmentId::generate),
        company_id: company,
        compound_id: new.compound_id,
        apartment_number: new.apartment_number.to_string(),
        floor: new.floor.map(Floor::get),
        bedrooms: new.bedrooms.map(Bedrooms::get),
        area_sqm: new.area_sqm.map(Area::square_metres),
        monthly_rent: new.monthly_rent,
        status: new.status.or(ApartmentStatus::Vacant),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let apartment = make(&app, &principal, company, &APARTMENT, apartment, |tx, apartment| {
        Ok(store::insert(tx, apartment)?)
    })
    .await?;
    Ok(respond::with_etag(respond::created(&apartment), apartment.version))
}

/// One apartment.
#[utoipa::path(
    get, path = "/api/v1/apartments/{id}", tag = "apartments", params(("id" = ApartmentId, Path)),
    responses((status = 200, body = Apartment), (status = 304))
)]
pub async fn get_apartment(
    State(app): State<App>,
    principal: PrincipalWith<ApartmentId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, apartment) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, apartment.version, &apartment))
}

const HISTORY_CSV: &[&str] = &["id", "at", "actorId", "actorName", "action", "details"];

/// The audit entries of an apartment: who changed what, and when.
#[utoipa::path(
    get, path = "/api/v1/apartments/{id}/history", tag = "apartments", params(("id" = ApartmentId, Path), ListParams),
    responses((status = 200, body = Page<HistoryEntry>), (status = 304))
)]
pub async fn list_apartment_history(
    State(app): State<App>,
    principal: PrincipalWith<ApartmentId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, apartment) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    let company = Some(apartment.company_id);
    let name = format!("apartment-history-{}", apartment.id);
    let mut asked = listing::read(&HISTORY, &name, company, principal.pairs())?;
    asked.request.filters.extend(of_subject(APARTMENT.name, apartment.id));
    listing::answer(&app, &headers, &HISTORY, asked, HISTORY_CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ApartmentPatch {
    #[deserr(default)]
    #[schema(required = false, value_type = CompoundId)]
    compound_id: Change<CompoundId>,
    #[deserr(default)]
    #[schema(required = false, value_type = ApartmentNumber)]
    apartment_number: Change<ApartmentNumber>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Floor>)]
    floor: Clearable<Floor>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Bedrooms>)]
    bedrooms: Clearable<Bedrooms>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Area>)]
    area_sqm: Clearable<Area>,
    #[deserr(default)]
    #[schema(required = false, value_type = Money)]
    monthly_rent: Change<Money>,
    /// MAINTENANCE or INACTIVE, or what follows from the occupancies to end those.
    #[deserr(default)]
    #[schema(required = false, value_type = ApartmentStatus)]
    status: Change<ApartmentStatus>,
}

/// Change an apartment.
#[utoipa::path(
    patch, path = "/api/v1/apartments/{id}", tag = "apartments", params(("id" = ApartmentId, Path)),
    request_body = ApartmentPatch,
    responses((status = 200, body = Apartment), (status = 409), (status = 412), (status = 422))
)]
pub async fn update_apartment(
    State(app): State<App>,
    principal: PrincipalWith<ApartmentId>,
    headers: HeaderMap,
    body: Body<RawJson>,
) -> ApiResult {
    let (principal, _, found) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    let Json(body) = body?;
    if let Some(compound) = body.id::<CompoundId>("compoundId") {
        company_owned::find(app.database(), found.company_id, compound)?
            .ok_or_else(|| ApiError::not_found_in("compoundId"))?;
    }
    principal.reject_unknown_query(&[])?;
    let patch: ApartmentPatch = body.read()?;
    let edited = change(&app, &principal, found.company_id, (&APARTMENT, updated), move |tx| {
        store::edit(tx, found.company_id, found.id, clock::now(), |mut apartment| {
            respond::check_if_match(&headers, apartment.version)?;
            apartment.compound_id = patch.compound_id.or(apartment.compound_id);
            apartment.apartment_number = patch
                .apartment_number
                .0
                .map_or(apartment.apartment_number, |number| number.to_string());
            apartment.floor = patch.floor.0.map_or(apartment.floor, |floor| floor.map(Floor::get));
            apartment.bedrooms = patch
                .bedrooms
                .0
                .map_or(apartment.bedrooms, |bedrooms| bedrooms.map(Bedrooms::get));
            apartment.area_sqm = patch
                .area_sqm
                .0
                .map_or(apartment.area_sqm, |area| area.map(Area::square_metres));
            apartment.monthly_rent = patch.monthly_rent.or(apartment.monthly_rent);
            apartment.status = patch.status.or(apartment.status);
            Ok::<_, ApiError>(apartment)
        })
    })
    .await?;
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// Remove an apartment that nobody ever lived in.
#[utoipa::path(
    delete, path = "/api/v1/apartments/{id}", tag = "apartments", params(("id" = ApartmentId, Path)),
    responses((status = 204), (status = 409), (status = 412))
)]
pub async fn delete_apartment(
    State(app): State<App>,
    principal: PrincipalWith<ApartmentId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, apartment) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let (company, apartment) = (apartment.company_id, apartment.id);
    remove(
        &app,
        &principal,
        headers,
        (company, &APARTMENT, apartment),
        move |tx| Ok(company_owned::find(tx, company, apartment)?.map(|found| found.version)),
        move |tx| store::delete(tx, company, apartment),
    )
    .await
}
