//! Whom one may write to, and who is there.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use nexus_domain::ids::UserId;
use nexus_domain::{Invalid, Role, Timestamp};
use nexus_kit::{Answer, App, FieldErrors, Problem, Query, Session, clock, respond};
use nexus_store::people;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::seeker;
use crate::paging::{Limit, decode_cursor, next_cursor};
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
    #[deserr(default, try_from(String) = Limit::try_from -> Invalid)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    #[deserr(default)]
    pub cursor: Option<String>,
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

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonList {
    pub items: Vec<Person>,
    pub next_cursor: Option<String>,
}

/// People one may write to, by name.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "chats", params(ListPeople), security(("bearer" = [])),
    responses((status = 200, body = PersonList))
)]
pub async fn list_people(
    State(app): State<App>,
    session: Session,
    Query(query): Query<ListPeople>,
) -> Answer<Response> {
    if query.q.as_ref().is_some_and(|q| q.chars().count() > 100) {
        return Err(Problem::field(
            "q",
            Invalid::new("TOO_LONG", "must have at most 100 characters"),
        ));
    }
    let after = decode_cursor::<(String, UserId)>(query.cursor.as_deref())?;
    let mut found = people::list(
        app.database(),
        seeker(&session),
        query.q.as_deref(),
        query.role,
        after.as_ref().map(|(name, id)| (name.as_str(), *id)),
        query.limit.and_one(),
        clock::now(),
    )?;
    let next_cursor = next_cursor(&mut found, query.limit, |person| (person.name.clone(), person.id));
    let items = found
        .into_iter()
        .map(|person| Person {
            id: person.id,
            name: person.name,
            role: person.role,
            online: person.online,
        })
        .collect();
    Ok(respond::ok(&PersonList { items, next_cursor }))
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
