//! `/tenants`.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::ids::{CompanyId, TenantId, UserId};
use nexus_domain::tenant::{FullName, NationalId, Phone, Tenant};
use nexus_domain::{EmailAddress, Role};
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, Loose};
use nexus_kit::{App, Code, FieldErrors, Json, Problem, clock, respond};
use nexus_store::{
    StoreError,
    property::{company_owned, tenants as store},
};
use utoipa::ToSchema;

use crate::asker::{Asker, Seeker};
use crate::fault::{Fault, Outcome};
use crate::record::TENANT;
use crate::routes::{Body, change, make, plain, remove, shaped, updated};

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
        plain
    } else {
        Tenant::with_national_id_masked
    }
}

/// 403 for who would find out by an order or a filter what is masked for them.
fn check_shown(asker: &Asker) -> Result<(), Problem> {
    let by_order = asker
        .parameter("sort")
        .is_some_and(|sort| sort.strip_prefix('-').unwrap_or(sort) == store::NATIONAL_ID);
    if by_order || asker.parameter(store::NATIONAL_ID).is_some() {
        asker.require(Role::Admin)?;
    }
    Ok(())
}

/// The tenants of a company.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "tenants", params(ListParams),
    responses((status = 200, body = Page<Tenant>), (status = 304), (status = 400), (status = 401), (status = 403), (status = 404)),
    security(("bearer" = []))
)]
pub async fn list_tenants(State(app): State<App>, asker: Asker, headers: HeaderMap) -> Outcome {
    let company = asker.day(&app).await?.id;
    asker.require(Role::Manager)?;
    check_shown(&asker)?;
    let asked = listing::read(&store::LISTING, "tenants", Some(company), asker.pairs())?;
    Ok(listing::answer(
        &app,
        &headers,
        &store::LISTING,
        asked,
        CSV,
        view(asker.role()),
    )?)
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
fn check_account(app: &App, company: CompanyId, body: &Loose) -> Result<(), Problem> {
    match body.id("userId") {
        Some(user) if !store::is_member(app.database(), company, user)? => Err(Problem::not_found_in("userId")),
        _ => Ok(()),
    }
}

fn explain(error: StoreError) -> Fault {
    if error.is_not_unique("tenants.user_id") {
        return Problem::new(Code::Conflict, "This account is another tenant of the company.").into();
    }
    error.into()
}

/// Add a tenant.
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "tenants", request_body = NewTenant,
    responses((status = 201, body = Tenant), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)),
    security(("bearer" = []))
)]
pub async fn create_tenant(State(app): State<App>, asker: Asker, body: Body<Loose>) -> Outcome {
    let company = asker.day(&app).await?.id;
    asker.require(Role::Manager)?;
    let Json(body) = body?;
    check_account(&app, company, &body)?;
    asker.only(&[])?;
    let new: NewTenant = shaped(body)?;
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
    let tenant = make(&app, &asker, company, &TENANT, tenant, |tx, tenant| {
        store::insert(tx, tenant).map_err(explain)
    })
    .await?;
    let tenant = view(asker.role())(tenant);
    Ok(respond::with_etag(respond::created(&tenant), tenant.version))
}

/// One tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = TenantId, Path)),
    responses((status = 200, body = Tenant), (status = 304), (status = 401), (status = 403), (status = 404)),
    security(("bearer" = []))
)]
pub async fn get_tenant(State(app): State<App>, seeker: Seeker<TenantId>, headers: HeaderMap) -> Outcome {
    let (asker, _, tenant) = seeker.find(&app).await?;
    asker.require(Role::Manager)?;
    asker.only(&[])?;
    let tenant = view(asker.role())(tenant);
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
    patch, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = TenantId, Path)), request_body = TenantPatch,
    responses((status = 200, body = Tenant), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 412)),
    security(("bearer" = []))
)]
pub async fn update_tenant(
    State(app): State<App>,
    seeker: Seeker<TenantId>,
    headers: HeaderMap,
    body: Body<Loose>,
) -> Outcome {
    let (asker, _, found) = seeker.find(&app).await?;
    asker.require(Role::Manager)?;
    let Json(body) = body?;
    check_account(&app, found.company_id, &body)?;
    asker.only(&[])?;
    let patch: TenantPatch = shaped(body)?;
    let edited = change(&app, &asker, found.company_id, (&TENANT, updated), move |tx| {
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
            Ok::<_, TenantFault>(tenant)
        })
        .map_err(|fault| fault.0)
    })
    .await?;
    let edited = view(asker.role())(edited);
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// A fault that knows what isn't unique about tenants.
struct TenantFault(Fault);

impl From<StoreError> for TenantFault {
    fn from(error: StoreError) -> Self {
        Self(explain(error))
    }
}

impl From<Problem> for TenantFault {
    fn from(problem: Problem) -> Self {
        Self(problem.into())
    }
}

/// Remove a tenant who never held an apartment.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{id}", tag = "tenants", params(("id" = TenantId, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409), (status = 412)),
    security(("bearer" = []))
)]
pub async fn delete_tenant(State(app): State<App>, seeker: Seeker<TenantId>, headers: HeaderMap) -> Outcome {
    let (asker, _, tenant) = seeker.find(&app).await?;
    asker.require(Role::Manager)?;
    asker.only(&[])?;
    let (company, tenant) = (tenant.company_id, tenant.id);
    remove(
        &app,
        &asker,
        headers,
        (company, &TENANT, tenant),
        move |tx| Ok(company_owned::find(tx, company, tenant)?.map(|found| found.version)),
        move |tx| store::delete(tx, company, tenant),
    )
    .await
}
