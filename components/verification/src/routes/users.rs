//! People as admins administer them.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::email::key_of;
use nexus_domain::ids::{CompanyId, UserId};
use nexus_domain::page::{Flag, Limit, Search, Sort};
use nexus_domain::status::UserStatus;
use nexus_domain::text::fold;
use nexus_domain::{Invalid, Role};
use nexus_kit::csv_pages;
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page};
use nexus_kit::problem::ProblemDocument;
use nexus_kit::{Answer, App, Caller, Code, FieldErrors, Json, Path, Problem, Query, Session, clock, respond};
use nexus_store::Value;
use nexus_store::user_admin::{self, Actor, UserActError, UserChange, UserList};
use nexus_store::users::UserRecord;
use utoipa::{IntoParams, ToSchema};

use crate::act;

#[derive(Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct UserQuery {
    #[deserr(default)]
    status: Option<UserStatus>,
    #[deserr(default)]
    role: Option<Role>,
    /// In name and e-mail address.
    #[param(value_type = Option<String>)]
    #[deserr(default)]
    q: Option<Search>,
    /// `createdAt`, `name` or `email`, with `-` before it downwards; `-createdAt` when absent.
    #[deserr(default)]
    sort: Option<String>,
    #[deserr(default)]
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    #[deserr(default)]
    limit: Option<Limit>,
    #[param(value_type = Option<bool>)]
    #[deserr(default)]
    with_total: Option<Flag>,
    /// Of one company; for the platform owner.
    #[param(value_type = Option<String>, format = "uuid")]
    #[deserr(default)]
    company_id: Option<CompanyId>,
}

const SORTS: &[&str] = &["createdAt", "name", "email"];

#[utoipa::path(get, path = "/api/v1/admin/users", tag = "admin", params(UserQuery), responses(
    (status = 200, body = Page<UserRecord>),
    (status = 400, body = ProblemDocument),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
))]
pub async fn list_users(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<UserQuery>,
) -> Answer<Response> {
    session.require(Role::Admin)?;
    let scope = match (session.scope()?, query.company_id) {
        (Some(own), Some(other)) if own != other => return Err(Problem::not_found()),
        (own, other) => own.or(other),
    };
    let sort =
        Sort::parse(query.sort.as_deref(), SORTS, "-createdAt").map_err(|invalid| Problem::field("sort", invalid))?;
    let name = format!("users:{}", sort.text());
    let limit = query.limit.unwrap_or_default();
    let list = UserList {
        scope,
        status: query.status,
        role: query.role,
        search: query.q.as_ref().map(|q| q.pattern().to_owned()),
        sort,
        after: query
            .cursor
            .as_deref()
            .map(|cursor| after(sort, &name, cursor))
            .transpose()?,
        limit: limit.and_one(),
    };
    if accepts_csv(&headers) {
        return csv(app, list);
    }
    let rows = user_admin::list(app.database(), &list)?;
    let counted = query.with_total.unwrap_or_default().is_set();
    let total = counted.then(|| user_admin::count(app.database(), &list)).transpose()?;
    let page = Page::of(rows, limit, total, &name, |user| {
        let key = match key(sort, user) {
            Value::Integer(at) => at.into(),
            Value::Text(text) => text.into(),
            _ => serde_json::Value::Null,
        };
        vec![key, user.id.to_string().into()]
    });
    Ok(respond::ok(&page))
}

fn key(sort: Sort, user: &UserRecord) -> Value {
    match sort.field {
        "name" => fold(&user.name).into(),
        "email" => key_of(&user.email).into(),
        _ => user.created_at.into(),
    }
}

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

fn csv(app: App, list: UserList) -> Answer<Response> {
    let mut list = UserList {
        after: None,
        limit: csv_pages::ROWS,
        ..list
    };
    csv_pages::answer("users", COLUMNS, move || {
        let rows = user_admin::list(app.database(), &list)?;
        list.after = rows.last().map(|user| (key(list.sort, user), user.id));
        Ok(rows)
    })
}

fn after(sort: Sort, name: &str, cursor: &str) -> Result<(Value, UserId), Problem> {
    if sort.field == "createdAt" {
        page::decode_number_and_id(name, cursor).map(|(at, id)| (Value::Integer(at), id))
    } else {
        page::decode_text_and_id(name, cursor).map(|(text, id)| (Value::Text(text), id))
    }
}

#[utoipa::path(get, path = "/api/v1/admin/users/{id}", tag = "admin", params(("id" = String, Path, format = "uuid")), responses(
    (status = 200, body = UserRecord),
    (status = 304, description = "not changed since"),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
    (status = 404, body = ProblemDocument),
))]
pub async fn get_user(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Path(id): Path<UserId>,
) -> Answer<Response> {
    session.require(Role::Admin)?;
    let user = user_admin::find(app.database(), id, session.scope()?)?.ok_or_else(Problem::not_found)?;
    Ok(respond::versioned(&headers, user.version, &user))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct PatchUser {
    /// Never above the admin's own.
    #[deserr(default)]
    role: Option<Role>,
    #[schema(value_type = Option<String>, format = "uuid")]
    #[deserr(default)]
    company_id: Option<CompanyId>,
}

#[utoipa::path(patch, path = "/api/v1/admin/users/{id}", tag = "admin", params(("id" = String, Path, format = "uuid")),
    request_body = PatchUser, responses(
    (status = 200, body = UserRecord),
    (status = 400, body = ProblemDocument),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
    (status = 404, body = ProblemDocument),
    (status = 412, body = ProblemDocument),
))]
pub async fn patch_user(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<UserId>,
    Json(body): Json<PatchUser>,
) -> Answer<Response> {
    session.require(Role::Admin)?;
    let scope = session.scope()?;
    let present = user_admin::find(app.database(), id, scope)?.ok_or_else(Problem::not_found)?;
    if body.company_id.is_some() && scope.is_some() && body.company_id != scope {
        return Err(Problem::not_found());
    }
    if body.role.is_some_and(|role| !session.role().at_least(role)) {
        return Err(Problem::forbidden());
    }
    respond::check_if_match(&headers, present.version)?;
    let change = UserChange {
        role: body.role,
        company: body.company_id.map(Some),
        version: headers.contains_key(http::header::IF_MATCH).then_some(present.version),
    };
    let user = user_admin::change(app.database(), &actor(&session, &caller, scope), id, &change).map_err(explain)?;
    Ok(respond::with_etag(respond::ok(&user), user.version))
}

pub fn actor<'a>(session: &Session, caller: &'a Caller, scope: Option<CompanyId>) -> Actor<'a> {
    Actor {
        user: session.user(),
        role: session.role(),
        scope,
        entry: act::entry(Some(session), caller, clock::now()),
    }
}

pub fn explain(error: UserActError) -> Problem {
    match error {
        UserActError::NoUser | UserActError::NoCompany => Problem::not_found(),
        UserActError::CompanyNeeded => Problem::field(
            "companyId",
            Invalid::new("REQUIRED", "is required: people of staff belong to a company"),
        ),
        UserActError::NotAllowed => Problem::new(
            Code::Forbidden,
            "Not on yourself, and not on people above your own role.",
        ),
        UserActError::InvalidTransition(status) => Problem::new(
            Code::InvalidTransition,
            format!("This is not possible for an account that is {status}."),
        ),
        UserActError::Changed => Problem::new(
            Code::PreconditionFailed,
            "Somebody changed this since you read it. Read it again and repeat your change.",
        ),
        UserActError::Store(error) => error.into(),
    }
}
