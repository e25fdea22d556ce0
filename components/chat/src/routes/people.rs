//! Whom one may write to, and who is there.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::ids::{CompanyId, UserId};
use nexus_domain::page::{Flag, Limit, Sort};
use nexus_domain::text::fold;
use nexus_domain::{Invalid, Role, Timestamp};
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Query, Session, clock, csv_pages, listing, respond};
use nexus_store::chat::people::{self, PeopleList};
use nexus_store::identity::companies;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::viewer;
use crate::{paging, problems};

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListPeople {
    /// A part of the name.
    #[deserr(default, try_from(Option<String>) = paging::words -> Invalid)]
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// One role, or several with commas between them.
    #[deserr(default, try_from(Option<String>) = roles -> Invalid)]
    #[param(value_type = Option<Vec<Role>>, style = Form, explode = false, min_items = 1)]
    pub role: Vec<Role>,
    /// The whole name.
    #[deserr(default)]
    pub name: Option<String>,
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    pub online: Option<Flag>,
    /// Of one company; for the platform owner.
    #[deserr(default)]
    #[param(value_type = Option<CompanyId>)]
    pub company_id: Option<CompanyId>,
    /// `name` or `role`, with `-` before it downwards; `name` when absent.
    #[deserr(default)]
    pub sort: Option<String>,
    #[deserr(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    #[deserr(default)]
    pub cursor: Option<String>,
    /// `true` adds `total`.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    pub with_total: Flag,
}

fn roles(given: Option<String>) -> Result<Vec<Role>, Invalid> {
    given.iter().flat_map(|text| text.split(',')).map(str::parse).collect()
}

pub const SORTS: &[&str] = &["name", "role"];
pub const DEFAULT_SORT: &str = "name";

#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub online: bool,
}

const COLUMNS: &[&str] = &["id", "name", "role", "online"];

impl From<people::Person> for Person {
    fn from(found: people::Person) -> Self {
        Self {
            id: found.id,
            name: found.name,
            role: found.role,
            online: found.online,
        }
    }
}

/// People one may write to.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "chats", params(ListPeople),
    responses((status = 200, body = Page<Person>))
)]
pub async fn list_people(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<ListPeople>,
) -> ApiResult {
    let (sort, name) = paging::order("people", query.sort.as_deref(), SORTS, DEFAULT_SORT)?;
    let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let mut list = PeopleList {
        viewer: viewer(&session),
        words: query.q,
        roles: query.role,
        name: query.name,
        online: query.online.map(Flag::is_set),
        company: company(&app, &session, query.company_id)?,
        sort,
        after: cursor
            .map(|cursor| page::decode_text_and_id(&name, cursor))
            .transpose()?,
        limit: query.limit.and_one(),
    };
    if accepts_csv(&headers) {
        (list.after, list.limit) = (None, csv_pages::ROWS);
        return csv_pages::answer("people", COLUMNS, move || {
            let found = people::list(app.database(), &list, clock::now())?;
            list.after = found.last().map(|person| (key(sort, person), person.id));
            Ok(found.into_iter().map(Person::from).collect())
        });
    }
    let now = clock::now();
    let counted = query.with_total.is_set();
    let total = counted.then(|| people::count(app.database(), &list, now)).transpose()?;
    let found = people::list(app.database(), &list, now)?;
    let page = Page::of(found, query.limit, total, &name, |person| {
        vec![key(sort, person).into(), person.id.to_string().into()]
    });
    Ok(listing::page(&headers, &page.map(Person::from)))
}

/// Whose people: a SUPER_ADMIN may name a company; to others there is only their own.
fn company(app: &App, session: &Session, named: Option<CompanyId>) -> Result<Option<CompanyId>, ApiError> {
    let Some(named) = named else { return Ok(None) };
    let is_seen = match session.role() {
        Role::SuperAdmin => companies::exists(app.database(), named)?,
        _ => session.company() == Some(named),
    };
    if is_seen {
        Ok(Some(named))
    } else {
        Err(ApiError::not_found_in("companyId"))
    }
}

fn key(sort: Sort, person: &people::Person) -> String {
    match sort.field {
        "role" => person.role.to_string(),
        _ => fold(&person.name),
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct GetPresence {
    /// Up to 100 ids, separated by commas.
    #[param(value_type = Vec<UserId>, style = Form, explode = false, min_items = 1, max_items = 100)]
    pub user_ids: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub user_id: UserId,
    pub online: bool,
    pub last_seen_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PresenceList {
    pub items: Vec<Presence>,
}

/// Who of these is there. People one may not know of are left out.
#[utoipa::path(
    get, path = "/api/v1/presence", tag = "chats", params(GetPresence),
    responses((status = 200, body = PresenceList))
)]
pub async fn get_presence(State(app): State<App>, session: Session, Query(query): Query<GetPresence>) -> ApiResult {
    let texts: Vec<String> = query.user_ids.split(',').map(|text| text.trim().to_owned()).collect();
    if texts.len() > 100 {
        return Err(ApiError::field(
            "userIds",
            Invalid::new("TOO_MANY", "must name at most 100 people"),
        ));
    }
    let users: Vec<UserId> = problems::parse_ids("userIds", texts)?;
    let items = people::presence(app.database(), viewer(&session), &users, clock::now())?
        .into_iter()
        .map(|found| Presence {
            user_id: found.user_id,
            online: found.online,
            last_seen_at: found.last_seen_at,
        })
        .collect();
    Ok(respond::ok(&PresenceList { items }))
}
