//! `/tenants`.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::ids::{CompanyId, TenantId, UserId};
use nexus_domain::tenant::{FullName, NationalId, Phone, Tenant};
use nexus_domain::{EmailAddress, Role};
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, RawJson};
use nexus_kit::{ApiError, ApiResult, App, Code, FieldErrors, Json, clock, respond};
use nexus_store::{
    StoreError,
    property::{company_owned, tenants as store},
};
use utoipa::ToSchema;

use crate::audit::TENANT;
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{Body, change, make, remove, updated};

const CSV: &[&str] = &[
    "id",
    "userId",
    "fullName",
    "email",
    "phone",
    "nationalId",
    "createdAt",
    "updatedAt",
];

/// A row as this role may see it.
fn view(role: Role) -> fn(Tenant) -> Tenant {
    if role.at_least(Role::Admin) {
        std::convert::identity
    } else {
        Tenant::with_national_id_masked
    }
}

/// 403 for who would find out by an order or a filter what is masked for them.
fn check_shown(principal: &Principal) -> Result<(), ApiError> {
    let by_order = principal
        .parameter("sort")
        .is_some_and(|sort| sort.strip_prefix('-').unwrap_or(sort) == store::NATIONAL_ID);
    if by_order || principal.parameter(store::NATIONAL_ID).is_some() {
        principal.require(Role::Admin)?;
    }
    Ok(())
}

/// The tenants of a company.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "tenants", params(ListParams),
    responses((status = 200, body = Page<Tenant>), (status = 304))
)]
pub async fn list_tenants(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    check_shown(&principal)?;
    let asked = listing::read(&store::LISTING, "tenants", Some(company), principal.pairs())?;
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, view(principal.role()))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewTenant {
    #[deserr(default)]
    pub user_id: Option<UserId>,
    pub full_name: FullName,
    pub email: EmailAddress,
    #[deserr(default)]
    pub phone: Option<Phone>,
    #[deserr(default)]
    pub national_id: Option<NationalId>,
}

/// 404 for an account that isn't the company's.
fn check_account(app: &App, company: CompanyId, body: &RawJson) -> Result<(), ApiError> {
    match body.id("userId") {
        Some(user) if !store::is_member(app.database(), company, user)? => Err(ApiError::not_found_in("userId")),
        _ => Ok(()),
    }
}

fn explain(error: StoreError) -> ApiError {
    if error.is_not_unique("tenants.user_id") {
        return ApiError::new(Code::Conflict, "This account is another tenant of the company.");
    }
    error.into()
}

/// Add a tenant.
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "tenants", request_body = NewTenant,
    responses((status = 201, body = Tenant), (status = 409))
)]
pub async fn create_tenant(State(app): State<App>, principal: Principal, body: Body<RawJson>) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    let Json(body) = body?;
    check_account(&app, company, &body)?;
    principal.reject_unknown_query(&[])?;
    let new: NewTenant = body.read()?;
    let now = clock::now();
    let tenant = Tenant {
        id: clock::new_id(TenantId::generate),
        company_id: company,
        user_id: new.user_id,
        full_name: new.full_name.to_string(),
        email: new.email.to_string(),
        phone: new.phone.map(|phone| phone.to_string()),
        national_id: new.national_id.map(|number| number.to_string()),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let tenant = make(&app, &principal, company, &TENANT, tenant, |tx, tenant| {
        store::insert(tx, tenant).map_err(explain)
    })
    .await?;
    let tenant = view(principal.role())(tenant);
    Ok(respond::with_etag(respond::created(&tenant), tenant.version))
}

/// One tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = TenantId, Path)),
    responses((status = 200, body = Tenant), (status = 304))
)]
pub async fn get_tenant(State(app): State<App>, principal: PrincipalWith<TenantId>, headers: HeaderMap) -> ApiResult {
    let (principal, _, tenant) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let tenant = view(principal.role())(tenant);
    Ok(respond::versioned(&headers, tenant.version, &tenant))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct TenantPatch {
    #[deserr(default)]
    #[schema(required = false, value_type = Option<UserId>)]
    user_id: Clearable<UserId>,
    #[deserr(default)]
    #[schema(required = false, value_type = FullName)]
    full_name: Change<FullName>,
    #[deserr(default)]
    #[schema(required = false, value_type = EmailAddress)]
    email: Change<EmailAddress>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<Phone>)]
    phone: Clearable<Phone>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<NationalId>)]
    national_id: Clearable<NationalId>,
}

/// Change a tenant.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = TenantId, Path)),
    request_body = TenantPatch,
    responses((status = 200, body = Tenant), (status = 409), (status = 412))
)]
pub async fn update_tenant(
    State(app): State<App>,
    principal: PrincipalWith<TenantId>,
    headers: HeaderMap,
    body: Body<RawJson>,
) -> ApiResult {
    let (principal, _, found) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    let Json(body) = body?;
    check_account(&app, found.company_id, &body)?;
    principal.reject_unknown_query(&[])?;
    let patch: TenantPatch = body.read()?;
    let edited = change(&app, &principal, found.company_id, (&TENANT, updated), move |tx| {
        store::edit(tx, found.company_id, found.id, clock::now(), |mut tenant| {
            respond::check_if_match(&headers, tenant.version)?;
            tenant.user_id = patch.user_id.or(tenant.user_id);
            tenant.full_name = patch.full_name.0.map_or(tenant.full_name, |name| name.to_string());
            tenant.email = patch.email.0.map_or(tenant.email, |email| email.to_string());
            tenant.phone = patch
                .phone
                .0
                .map_or(tenant.phone, |phone| phone.map(|phone| phone.to_string()));
            tenant.national_id = patch
                .national_id
                .0
                .map_or(tenant.national_id, |number| number.map(|number| number.to_string()));
            Ok::<_, TenantError>(tenant)
        })
        .map_err(|TenantError(error)| error)
    })
    .await?;
    let edited = view(principal.role())(edited);
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// An error of the tenants table: names the field that must be unique.
struct TenantError(ApiError);

impl From<StoreError> for TenantError {
    fn from(error: StoreError) -> Self {
        Self(explain(error))
    }
}

impl From<ApiError> for TenantError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

/// Remove a tenant who never held an apartment.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = TenantId, Path)),
    responses((status = 204), (status = 409), (status = 412))
)]
pub async fn delete_tenant(
    State(app): State<App>,
    principal: PrincipalWith<TenantId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, _, tenant) = principal.find(&app).await?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    let (company, tenant) = (tenant.company_id, tenant.id);
    remove(
        &app,
        &principal,
        headers,
        (company, &TENANT, tenant),
        move |tx| Ok(company_owned::find(tx, company, tenant)?.map(|found| found.version)),
        move |tx| store::delete(tx, company, tenant),
    )
    .await
}
