//! People as admins administer them.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::ids::{CompanyId, UserId};
use nexus_domain::{Invalid, Role};
use nexus_kit::listing::{self, ListParams, Pairs};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, RawJson};
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, Path, Session, clock, respond, version};
use nexus_store::identity::companies;
use nexus_store::identity::user_admin::{self, Actor, UserActError, UserChange};
use nexus_store::identity::users::UserRecord;
use utoipa::ToSchema;

const COLUMNS: &[&str] = &[
    "id",
    "email",
    "name",
    "role",
    "companyId",
    "status",
    "emailVerified",
    "documentVerified",
    "mfaEnabled",
    "locale",
    "createdAt",
    "lastLoginAt",
];

/// The people of one's company, or everybody for SUPER_ADMIN.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "admin", params(ListParams),
    responses((status = 200, body = Page<UserRecord>), (status = 304))
)]
pub async fn list_users(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    pairs: Result<Pairs, ApiError>,
) -> ApiResult {
    session.require(Role::Admin)?;
    let pairs = pairs?;
    let scope = pairs.scope(&app, &session)?;
    let list = match scope {
        Some(_) => &user_admin::OF_COMPANY,
        None => &user_admin::LISTING,
    };
    let asked = listing::read(list, "users", scope, &pairs.0)?;
    listing::answer(&app, &headers, list, asked, COLUMNS, |user| user)
}

/// One person.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}", tag = "admin", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = UserRecord), (status = 304, description = "not changed since"))
)]
pub async fn get_user(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Path(id): Path<UserId>,
) -> ApiResult {
    let user = user_admin::find(app.database(), id, session.scope()?)?.ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    Ok(respond::versioned(&headers, version::of(&user), &user))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct PatchUser {
    /// Never above the admin's own.
    #[deserr(default)]
    #[schema(value_type = Role, required = false)]
    role: Change<Role>,
    /// `null`: of none; for the platform owner.
    #[schema(value_type = Option<CompanyId>, required = false)]
    #[deserr(default)]
    company_id: Clearable<CompanyId>,
}

/// Change a person's role or company.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{id}", tag = "admin", params(("id" = String, Path, format = "uuid")),
    request_body = PatchUser,
    responses((status = 200, body = UserRecord), (status = 412))
)]
pub async fn patch_user(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<UserId>,
    body: Result<Json<RawJson>, ApiError>,
) -> ApiResult {
    let scope = session.scope()?;
    let present = user_admin::find(app.database(), id, scope)?.ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    let Json(body) = body?;
    check_company(&app, scope, &body)?;
    let body: PatchUser = body.read()?;
    let company = body.company_id.0;
    // Who leaves the company is out of its admins' sight.
    if scope.is_some() && company == Some(None) || body.role.0.is_some_and(|role| !session.role().at_least(role)) {
        return Err(ApiError::forbidden());
    }
    respond::check_if_match(&headers, version::of(&present))?;
    let change = UserChange {
        role: body.role.0,
        company,
        version: headers.contains_key(http::header::IF_MATCH).then_some(present.version),
    };
    let user = user_admin::change(app.database(), &actor(&session, &caller, scope), id, &change).map_err(explain)?;
    Ok(respond::with_etag(respond::ok(&user), version::of(&user)))
}

/// 404 for a company that isn't there, or isn't the admin's own.
pub fn check_company(app: &App, scope: Option<CompanyId>, body: &RawJson) -> Result<(), ApiError> {
    let Some(company) = body.id::<CompanyId>("companyId") else {
        return Ok(());
    };
    let is_seen = match scope {
        Some(own) => own == company,
        None => companies::exists(app.database(), company)?,
    };
    if is_seen {
        Ok(())
    } else {
        Err(ApiError::not_found_in("companyId"))
    }
}

pub fn actor<'a>(session: &Session, caller: &'a Caller, scope: Option<CompanyId>) -> Actor<'a> {
    Actor {
        user: session.user(),
        role: session.role(),
        scope,
        entry: caller.audit_entry(Some(session.user()), clock::now()),
    }
}

pub fn explain(error: UserActError) -> ApiError {
    match error {
        UserActError::NoUser => ApiError::not_found(),
        UserActError::NoCompany => ApiError::not_found_in("companyId"),
        UserActError::CompanyNeeded => ApiError::field(
            "companyId",
            Invalid::new("REQUIRED", "is required: people of staff belong to a company"),
        ),
        UserActError::NotAllowed => ApiError::new(
            Code::Forbidden,
            "Not on yourself, and not on people above your own role.",
        ),
        UserActError::InvalidTransition(status) => ApiError::new(
            Code::InvalidTransition,
            format!("This is not possible for an account that is {status}."),
        ),
        UserActError::Changed => ApiError::new(
            Code::PreconditionFailed,
            "Somebody changed this since you read it. Read it again and repeat your change.",
        ),
        UserActError::Store(error) => error.into(),
    }
}
