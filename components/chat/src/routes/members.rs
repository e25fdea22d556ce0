//! Who is in a group.

use axum::extract::State;
use deserr::Deserr;
use nexus_domain::Invalid;
use nexus_domain::chat::{Chat, MAX_MEMBERS};
use nexus_domain::ids::{ChatId, UserId};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, Path, Session, clock, relay, respond};
use nexus_store::chat::chats;
use utoipa::ToSchema;

use super::chats::shown;
use super::{Body, require_member, viewer};
use crate::{events, problems};

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct AddMembers {
    #[schema(value_type = Vec<UserId>, min_items = 1, max_items = 2000)]
    pub user_ids: Vec<String>,
}

/// Adds people to a group. Those who are in it already stay as they are.
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/members", tag = "chats", params(("id" = ChatId, Path)),
    request_body = AddMembers,
    responses((status = 200, body = Chat))
)]
pub async fn add_members(
    State(app): State<App>,
    session: Session,
    Path(id): Path<ChatId>,
    body: Body<AddMembers>,
) -> ApiResult {
    require_member(&app, &session, id)?;
    let Json(body) = body?;
    let mut people: Vec<UserId> = problems::parse_ids("userIds", body.user_ids)?;
    people.retain(|user| *user != session.user());
    people.sort_unstable();
    people.dedup();
    if people.is_empty() || people.len() >= MAX_MEMBERS {
        let invalid = Invalid::new("WRONG_LENGTH", format!("must name 1 to {MAX_MEMBERS} other people"));
        return Err(ApiError::field("userIds", invalid));
    }
    let (chat, added) = chats::add_members(app.database(), viewer(&session), id, &people, clock::now())
        .map_err(|error| problems::naming("userIds", error))?;
    if !added.is_empty() {
        let unread = chats::unread(app.database(), id)?;
        relay::publish(&app, events::members_added(&chat, &unread, &added));
    }
    Ok(shown(&chat))
}

/// Takes somebody out of a group, or leaves it oneself.
#[utoipa::path(
    delete, path = "/api/v1/chats/{id}/members/{userId}", tag = "chats",
    params(("id" = ChatId, Path), ("userId" = UserId, Path)),
    responses((status = 204))
)]
pub async fn remove_member(
    State(app): State<App>,
    session: Session,
    Path((id, user)): Path<(ChatId, UserId)>,
) -> ApiResult {
    chats::remove_member(app.database(), session.user(), session.role(), id, user).map_err(problems::of_chat)?;
    relay::publish(&app, events::member_removed(id, user));
    Ok(respond::no_content())
}
