//! Whom one may write to, and who is there.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::ids::UserId;
use nexus_domain::page::{Flag, Limit, Sort};
use nexus_domain::{Invalid, Role, Timestamp};
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page};
use nexus_kit::{Answer, App, FieldErrors, Problem, Query, Session, clock, csv_pages, respond};
use nexus_store::people::{self, PeopleList};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::seeker;
use crate::problems;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListPeople {
    /// A part of the name.
    #[param(max_length = 100)]
    #[deserr(default)]
    pub q: Option<String>,
    #[deserr(default, try_from(Option<String>) = given_role -> Invalid)]
    #[param(value_type = Option<Role>)]
    pub role: Option<Role>,
    /// `name`, or `-name` for Z to A.
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

fn given_role(given: Option<String>) -> Result<Option<Role>, Invalid> {
    given.map(Role::try_from).transpose()
}

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

/// People one may write to, by name.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "chats", params(ListPeople), security(("bearer" = [])),
    responses((status = 200, body = Page<Person>))
)]
pub async fn list_people(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<ListPeople>,
) -> Answer<Response> {
    if query.q.as_ref().is_some_and(|q| q.chars().count() > 100) {
        return Err(Problem::field(
            "q",
            Invalid::new("TOO_LONG", "must have at most 100 characters"),
        ));
    }
    let sort = Sort::parse(query.sort.as_deref(), &["name"], "name").map_err(|e| Problem::field("sort", e))?;
    let name = format!("people:{}", sort.text());
    let cursor = query.cursor.as_deref();
    let list = PeopleList {
        seeker: seeker(&session),
        words: query.q,
        role: query.role,
        descending: sort.descending,
        after: cursor
            .map(|cursor| page::decode_text_and_id(&name, cursor))
            .transpose()?,
        limit: query.limit.and_one(),
    };
    let now = clock::now();
    if accepts_csv(&headers) {
        return csv(app, list);
    }
    let counted = query.with_total.is_set();
    let total = counted.then(|| people::count(app.database(), &list, now)).transpose()?;
    let found = people::list(app.database(), &list, now)?;
    let page = Page::of(found, query.limit, total, &name, |person| {
        vec![person.name.as_str().into(), person.id.to_string().into()]
    });
    Ok(respond::ok(&page.map(Person::from)))
}

fn csv(app: App, list: PeopleList) -> Answer<Response> {
    let mut list = PeopleList {
        after: None,
        limit: csv_pages::ROWS,
        ..list
    };
    csv_pages::answer(COLUMNS, move || {
        let found = people::list(app.database(), &list, clock::now())?;
        list.after = found.last().map(|person| (person.name.clone(), person.id));
        Ok(found.into_iter().map(Person::from).collect())
    })
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct GetPresence {
    /// Up to 100 ids, separated by commas.
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
    get, path = "/api/v1/presence", tag = "chats", params(GetPresence), security(("bearer" = [])),
    responses((status = 200, body = PresenceList))
)]
pub async fn get_presence(
    State(app): State<App>,
    session: Session,
    Query(query): Query<GetPresence>,
) -> Answer<Response> {
    let texts: Vec<String> = query.user_ids.split(',').map(|text| text.trim().to_owned()).collect();
    if texts.len() > 100 {
        return Err(Problem::field(
            "userIds",
            Invalid::new("TOO_MANY", "must name at most 100 people"),
        ));
    }
    let users: Vec<UserId> = problems::parse_ids("userIds", texts)?;
    let items = people::presence(app.database(), seeker(&session), &users, clock::now())?
        .into_iter()
        .map(|found| Presence {
            user_id: found.user_id,
            online: found.online,
            last_seen_at: found.last_seen_at,
        })
        .collect();
    Ok(respond::ok(&PresenceList { items }))
}
