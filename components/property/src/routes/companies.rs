//! `/companies`.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::company::{Billing, Branding, Company, CompanyName, DepositTerms, EmailDomain, LateFee, Slug};
use nexus_domain::date::Zone;
use nexus_domain::ids::CompanyId;
use nexus_domain::money::Currency;
use nexus_domain::{Invalid, Role};
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Partial, RawJson};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, Path, clock, respond};
use nexus_store::{chat::attachments, property::company_settings as store};
use utoipa::ToSchema;

use crate::audit::COMPANY;
use crate::paper::logo;
use crate::principal::Principal;
use crate::routes::{Body, change, id, make, remove, updated};

const CSV: &[&str] = &[
    "id",
    "name",
    "slug",
    "currency",
    "timezone",
    "isActive",
    "createdAt",
    "updatedAt",
];

/// The companies one may see: all for SUPER_ADMIN, one's own for staff.
#[utoipa::path(
    get, path = "/api/v1/companies", tag = "companies", params(ListParams),
    responses((status = 200, body = Page<Company>), (status = 304))
)]
pub async fn list_companies(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    principal.require(Role::Manager)?;
    let company = if principal.role() == Role::SuperAdmin {
        principal.parameter("companyId").map(id).transpose()?
    } else {
        Some(principal.company()?)
    };
    let list = if company.is_some() {
        &store::OF_ONE
    } else {
        &store::LISTING
    };
    let asked = listing::read(list, "companies", company, principal.pairs())?;
    listing::answer(&app, &headers, list, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewCompany {
    name: CompanyName,
    slug: Slug,
    currency: Currency,
    timezone: Zone,
    #[deserr(default)]
    #[schema(required = false, value_type = bool)]
    is_active: Change<bool>,
    #[deserr(default)]
    #[schema(required = false, value_type = Vec<String>)]
    allowed_email_domains: Change<Vec<EmailDomain>>,
    #[deserr(default)]
    #[schema(required = false, value_type = LateFee)]
    late_fee: Change<LateFee>,
    #[deserr(default)]
    #[schema(required = false, value_type = DepositTerms)]
    deposit: Change<DepositTerms>,
    #[deserr(default)]
    #[schema(required = false, value_type = Billing)]
    billing: Change<Billing>,
    #[deserr(default)]
    #[schema(required = false, value_type = Branding)]
    branding: Change<Branding>,
}

/// Make a company.
#[utoipa::path(
    post, path = "/api/v1/companies", tag = "companies", request_body = NewCompany,
    responses((status = 201, body = Company), (status = 409))
)]
pub async fn create_company(State(app): State<App>, principal: Principal, body: Body<NewCompany>) -> ApiResult {
    principal.require(Role::SuperAdmin)?;
    principal.reject_unknown_query(&[])?;
    let Json(new) = body?;
    let branded = new.branding.or(Branding::default());
    check_logo(&app, &principal, &branded, None).await?;
    let now = clock::now();
    let company = Company {
        id: clock::new_id(CompanyId::generate),
        name: new.name.to_string(),
        slug: new.slug.to_string(),
        currency: new.currency,
        timezone: new.timezone,
        is_active: new.is_active.or(true),
        allowed_email_domains: domains(&new.allowed_email_domains.or(Vec::new())),
        late_fee: new.late_fee.or(LateFee::NONE),
        deposit: new.deposit.or(DepositTerms::default()),
        billing: new.billing.or(Billing::default()),
        branding: branding(&branded),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let company = make(&app, &principal, company.id, &COMPANY, company, |tx, company| {
        Ok(store::insert(tx, company)?)
    })
    .await?;
    Ok(respond::with_etag(respond::created(&company), company.version))
}

fn domains(given: &[EmailDomain]) -> Vec<String> {
    let mut domains: Vec<_> = given.iter().map(|domain| domain.as_str().to_owned()).collect();
    domains.sort();
    domains.dedup();
    domains
}

fn branding(given: &Branding) -> serde_json::Value {
    serde_json::to_value(given).unwrap_or_default()
}

/// The largest picture that is put on every invoice.
const MAX_LOGO: u64 = 1024 * 1024;

/// A new logo is one's own upload and a picture that can be drawn; the one that was there stays.
async fn check_logo(
    app: &App,
    principal: &Principal,
    given: &Branding,
    before: Option<&Company>,
) -> Result<(), ApiError> {
    let Some(wanted) = given.logo else { return Ok(()) };
    let kept = before.and_then(|company| company.branding["logo"].as_str());
    if kept == Some(wanted.to_string().as_str()) {
        return Ok(());
    }
    let file = attachments::find_own(app.database(), principal.user(), wanted)?
        .ok_or_else(|| ApiError::not_found_in("branding.logo"))?;
    if file.attachment.size > MAX_LOGO {
        let invalid = Invalid::new("WRONG_LENGTH", format!("must have at most {MAX_LOGO} bytes"));
        return Err(ApiError::field("branding.logo", invalid));
    }
    let content = blob::get(app, &BlobKey::from_stored(file.blob_key))
        .await?
        .ok_or_else(|| Invalid::new("MISSING_CONTENT", "has no content any more; upload it again"));
    content
        .and_then(|content| logo::read(&content).map(drop))
        .map_err(|invalid| ApiError::field("branding.logo", invalid))
}

/// The company, if the principal may see it at all.
fn find(app: &App, principal: &Principal, company: &str) -> Result<Company, ApiError> {
    let company = id(company)?;
    let held_by = principal.company_holding(|| Ok(Some(company)))?;
    if held_by != company {
        return Err(ApiError::not_found());
    }
    store::find(app.database(), company)?.ok_or_else(ApiError::not_found)
}

/// One company.
#[utoipa::path(
    get, path = "/api/v1/companies/{id}", tag = "companies", params(("id" = CompanyId, Path)),
    responses((status = 200, body = Company), (status = 304))
)]
pub async fn get_company(
    State(app): State<App>,
    principal: Principal,
    Path(company): Path<String>,
    headers: HeaderMap,
) -> ApiResult {
    let company = find(&app, &principal, &company)?;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, company.version, &company))
}

type LateFeePatch = Partial<LateFee>;

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct CompanyPatch {
    #[deserr(default)]
    #[schema(required = false, value_type = CompanyName)]
    name: Change<CompanyName>,
    #[deserr(default)]
    #[schema(required = false, value_type = Slug)]
    slug: Change<Slug>,
    #[deserr(default)]
    #[schema(required = false, value_type = Currency)]
    currency: Change<Currency>,
    #[deserr(default)]
    #[schema(required = false, value_type = Zone)]
    timezone: Change<Zone>,
    #[deserr(default)]
    #[schema(required = false, value_type = bool)]
    is_active: Change<bool>,
    #[deserr(default)]
    #[schema(required = false, value_type = Vec<String>)]
    allowed_email_domains: Change<Vec<EmailDomain>>,
    #[deserr(default)]
    #[schema(required = false, value_type = LateFeePatch)]
    late_fee: Change<LateFee>,
    #[deserr(default)]
    #[schema(required = false, value_type = DepositTerms)]
    deposit: Change<DepositTerms>,
    #[deserr(default)]
    #[schema(required = false, value_type = Billing)]
    billing: Change<Billing>,
    #[deserr(default)]
    #[schema(required = false, value_type = Branding)]
    branding: Change<Branding>,
}

/// What is changed part by part.
const NESTED: &[&str] = &["lateFee", "deposit", "billing", "branding"];

fn patch_of(body: &RawJson, present: &Company) -> Result<CompanyPatch, ApiError> {
    let mut body = body.clone();
    // A fee of type NONE has no value: to end a fee, its type is enough.
    if let Some(fee) = body.0.get_mut("lateFee").and_then(serde_json::Value::as_object_mut)
        && fee.get("type").and_then(serde_json::Value::as_str) == Some("NONE")
    {
        fee.entry("value").or_insert(0.into());
    }
    body.over(present, NESTED)
}

/// Change a company's settings. Of `lateFee`, `deposit`, `billing` and `branding`, what isn't given stays. Its currency stays once something is priced in it; only a SUPER_ADMIN opens and closes it.
#[utoipa::path(
    patch, path = "/api/v1/companies/{id}", tag = "companies", params(("id" = CompanyId, Path)),
    request_body = CompanyPatch,
    responses((status = 200, body = Company), (status = 409), (status = 412))
)]
pub async fn update_company(
    State(app): State<App>,
    principal: Principal,
    Path(company): Path<String>,
    headers: HeaderMap,
    body: Body<RawJson>,
) -> ApiResult {
    let found = find(&app, &principal, &company)?;
    let company = found.id;
    principal.require(Role::Admin)?;
    principal.reject_unknown_query(&[])?;
    let Json(body) = body?;
    let patch = patch_of(&body, &found)?;
    if let Some(branded) = &patch.branding.0 {
        check_logo(&app, &principal, branded, Some(&found)).await?;
    }
    if patch.is_active.0.is_some() {
        principal.require(Role::SuperAdmin)?;
    }
    let edited = change(&app, &principal, company, (&COMPANY, updated), move |tx| {
        store::edit(tx, company, clock::now(), |before| {
            respond::check_if_match(&headers, before.version)?;
            let patch = patch_of(&body, &before)?;
            let mut after = before.clone();
            after.name = patch.name.0.map_or(after.name, |name| name.to_string());
            after.slug = patch.slug.0.map_or(after.slug, |slug| slug.to_string());
            after.currency = patch.currency.or(after.currency);
            after.timezone = patch.timezone.or(after.timezone);
            after.is_active = patch.is_active.or(after.is_active);
            after.allowed_email_domains = patch
                .allowed_email_domains
                .0
                .map_or(after.allowed_email_domains, |given| domains(&given));
            after.late_fee = patch.late_fee.or(after.late_fee);
            after.deposit = patch.deposit.or(after.deposit);
            after.billing = patch.billing.or(after.billing);
            after.branding = patch.branding.0.map_or(after.branding, |given| branding(&given));
            Ok::<_, ApiError>(after)
        })
    })
    .await?;
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// Remove a company that nothing belongs to.
#[utoipa::path(
    delete, path = "/api/v1/companies/{id}", tag = "companies", params(("id" = CompanyId, Path)),
    responses((status = 204), (status = 409), (status = 412))
)]
pub async fn delete_company(
    State(app): State<App>,
    principal: Principal,
    Path(company): Path<String>,
    headers: HeaderMap,
) -> ApiResult {
    let company = find(&app, &principal, &company)?;
    principal.require(Role::SuperAdmin)?;
    principal.reject_unknown_query(&[])?;
    let company = company.id;
    remove(
        &app,
        &principal,
        headers,
        (company, &COMPANY, company),
        move |tx| Ok(store::find(tx, company)?.map(|found| found.version)),
        move |tx| store::delete(tx, company),
    )
    .await
}
