//! `/compounds`.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::Role;
use nexus_domain::ids::CompoundId;
use nexus_domain::premises::{Address, Compound, CompoundName, StoredAddress};
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, RawJson};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, clock, respond};
use nexus_store::property::company_owned;
use nexus_store::property::compounds as store;
use utoipa::ToSchema;

use crate::audit::COMPOUND;
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{Body, change, make, remove, updated};

const CSV: &[&str] = &[
    "id",
    "name",
    "address.line1",
    "address.line2",
    "address.city",
    "address.region",
    "address.postalCode",
    "address.country",
    "createdAt",
    "updatedAt",
];

/// The compounds of a company.
#[utoipa::path(
    get, path = "/api/v1/compounds", tag = "compounds", params(ListParams),
    responses((status = 200, body = Page<Compound>), (status = 304))
)]
pub async fn list_compounds(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    let asked = listing::read(&store::LISTING, "compounds", Some(company), principal.pairs())?;
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewCompound {
    name: CompoundName,
    #[deserr(default)]
    #[schema(required = false, value_type = Address)]
    address: Change<Address>,
}

/// Add a compound.
#[utoipa::path(
    post, path = "/api/v1/compounds", tag = "compounds", request_body = NewCompound,
    responses((status = 201, body = Compound))
)]
pub async fn create_compound(State(app): State<App>, principal: Principal, body: Body<NewCompound>) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Json(new) = body?;
    let now = clock::now();
    let compound = Compound {
        id: clock::new_id(CompoundId::generate),
        company_id: company,
        name: new.name.to_string(),
        address: stored(&new.address.or(Address::default())),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let compound = make(&app, &principal, company, &COMPOUND, compound, |tx, compound| {
        Ok(store::insert(tx, compound)?)
    })
    .await?;
    Ok(respond::with_etag(respond::created(&compound), compound.version))
}

fn stored(address: &Address) -> StoredAddress {
    let part = |part: &Option<nexus_domain::premises::AddressPart>| part.as_ref().map(ToString::to_string);
    StoredAddress {
        line1: part(&address.line1),
        line2: part(&address.line2),
        city: part(&address.city),
        region: part(&address.region),
        postal_code: part(&address.postal_code),
        country: part(&address.country),
    }
}

/// One compound.
#[utoipa::path(
    get, path = "/api/v1/compounds/{id}", tag = "compounds", params(("id" = CompoundId, Path)),
    responses((status = 200, body = Compound), (status = 304))
)]
pub async fn get_compound(
    State(app): State<App>,
    principal: PrincipalWith<CompoundId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, compound) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, compound.version, &compound))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct CompoundPatch {
    #[deserr(default)]
    #[schema(required = false, value_type = CompoundName)]
    name: Change<CompoundName>,
    /// Parts that aren't there stay; `null` empties one.
    #[deserr(default)]
    #[schema(required = false, value_type = Address)]
    address: Change<Address>,
}

/// What is changed part by part.
const NESTED: &[&str] = &["address"];

/// Change a compound.
#[utoipa::path(
    patch, path = "/api/v1/compounds/{id}", tag = "compounds", params(("id" = CompoundId, Path)),
    request_body = CompoundPatch,
    responses((status = 200, body = Compound), (status = 412))
)]
pub async fn update_compound(
    State(app): State<App>,
    principal: PrincipalWith<CompoundId>,
    headers: HeaderMap,
    body: Body<RawJson>,
) -> ApiResult {
    let (principal, _, found) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let Json(body) = body?;
    body.over::<CompoundPatch>(&found, NESTED)?;
    let edited = change(&app, &principal, found.company_id, (&COMPOUND, updated), move |tx| {
        store::edit(tx, found.company_id, found.id, clock::now(), |mut compound| {
            respond::check_if_match(&headers, compound.version)?;
            let patch: CompoundPatch = body.over(&compound, NESTED)?;
            compound.name = patch.name.0.map_or(compound.name, |name| name.to_string());
            compound.address = patch.address.0.map_or(compound.address, |address| stored(&address));
            Ok::<_, ApiError>(compound)
        })
    })
    .await?;
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// Remove a compound without apartments.
#[utoipa::path(
    delete, path = "/api/v1/compounds/{id}", tag = "compounds", params(("id" = CompoundId, Path)),
    responses((status = 204), (status = 409), (status = 412))
)]
pub async fn delete_compound(
    State(app): State<App>,
    principal: PrincipalWith<CompoundId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, compound) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let (company, compound) = (compound.company_id, compound.id);
    remove(
        &app,
        &principal,
        headers,
        (company, &COMPOUND, compound),
        move |tx| Ok(company_owned::find(tx, company, compound)?.map(|found| found.version)),
        move |tx| store::delete(tx, company, compound),
    )
    .await
}
