//! Chats.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::Invalid;
use nexus_domain::chat::{Chat, ChatName, ChatType, MAX_MEMBERS};
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::page::{Flag, Limit, Sort};
use nexus_kit::listing::{accepts_csv, to_json};
use nexus_kit::page::{self, Page};
use nexus_kit::patch::Change;
use nexus_kit::{
    ApiError, ApiResult, App, FieldErrors, Json, Path, Query, Session, clock, csv_pages, listing, relay, respond,
    version,
};
use nexus_store::Value;
use nexus_store::chat::chats::{self, ChatList, NewChat};
use utoipa::{IntoParams, ToSchema};

use super::{Body, require_member, viewer};
use crate::{events, paging, problems};

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct CreateChat {
    #[deserr(rename = "type", try_from(String) = ChatType::try_from -> Invalid)]
    #[schema(rename = "type")]
    pub kind: ChatType,
    /// Of a group.
    #[deserr(default, try_from(Option<String>) = given_name -> Invalid)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub name: Option<ChatName>,
    /// The others; oneself is in it anyway. A `DIRECT` chat has exactly one other.
    #[schema(value_type = Vec<UserId>, min_items = 1, max_items = 2000)]
    pub member_ids: Vec<String>,
}

fn given_name(given: Option<String>) -> Result<Option<ChatName>, Invalid> {
    given.map(ChatName::try_from).transpose()
}

/// Starts a chat. Stores no message. A second `DIRECT` chat with the same person is the first.
#[utoipa::path(
    post, path = "/api/v1/chats", tag = "chats", request_body = CreateChat,
    responses((status = 201, body = Chat), (status = 200, description = "The one there was", body = Chat))
)]
pub async fn create_chat(State(app): State<App>, session: Session, Json(body): Json<CreateChat>) -> ApiResult {
    let new = new_chat(&session, body)?;
    let (chat, made) = chats::create(app.database(), viewer(&session), &new, clock::now())
        .map_err(|error| problems::naming("memberIds", error))?;
    if !made {
        return Ok(shown(&chat));
    }
    let unread = chats::unread(app.database(), chat.id)?;
    relay::publish(&app, events::chat_created(&chat, &unread));
    Ok(respond::with_etag(respond::created(&chat), version::of(&chat)))
}

pub fn shown(chat: &Chat) -> Response {
    respond::with_etag(respond::ok(chat), version::of(chat))
}

fn new_chat(session: &Session, body: CreateChat) -> Result<NewChat, ApiError> {
    let mut others: Vec<UserId> = problems::parse_ids("memberIds", body.member_ids)?;
    others.retain(|user| *user != session.user());
    others.sort_unstable();
    others.dedup();
    let refuse = |code, message: String| Err(ApiError::field("memberIds", Invalid::new(code, message)));
    match (body.kind, others.len()) {
        (ChatType::Direct, 1) if body.name.is_some() => {
            return Err(ApiError::field(
                "name",
                Invalid::new("NOT_ALLOWED", "only a group has a name"),
            ));
        }
        (ChatType::Direct, 1) => {}
        (ChatType::Direct, _) => return refuse("WRONG_LENGTH", "must name exactly one other person".into()),
        (ChatType::Group, 0) => return refuse("REQUIRED", "must name somebody else".into()),
        (ChatType::Group, many) if many >= MAX_MEMBERS => {
            return refuse("TOO_MANY", format!("a group has at most {MAX_MEMBERS} members"));
        }
        (ChatType::Group, _) => {}
    }
    Ok(NewChat {
        id: clock::new_id(ChatId::generate),
        kind: body.kind,
        name: body.name,
        others,
    })
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListChats {
    #[deserr(default, rename = "type")]
    #[param(rename = "type")]
    pub kind: Option<ChatType>,
    /// Whether something is unread.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    pub unread: Option<Flag>,
    /// A part of the chat's name, or of another member's.
    #[deserr(default, try_from(Option<String>) = paging::words -> Invalid)]
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// `lastActivity`, `name` (of a chat between two: the other's) or `createdAt`, with `-` before it downwards;
    /// `-lastActivity` when absent.
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

pub const SORTS: &[&str] = &["lastActivity", "name", "createdAt"];
pub const DEFAULT_SORT: &str = "-lastActivity";
const COLUMNS: &[&str] = &["id", "type", "name", "lastSeq", "unreadCount", "createdAt"];

/// One's own chats, the most lively first.
#[utoipa::path(
    get, path = "/api/v1/chats", tag = "chats", params(ListChats),
    responses((status = 200, body = Page<Chat>))
)]
pub async fn list_chats(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<ListChats>,
) -> ApiResult {
    let (sort, name) = paging::order("chats", query.sort.as_deref(), SORTS, DEFAULT_SORT)?;
    let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let mut list = ChatList {
        member: session.user(),
        kind: query.kind,
        unread: query.unread.map(Flag::is_set),
        words: query.q,
        sort,
        after: cursor.map(|cursor| place(sort, &name, cursor)).transpose()?,
        limit: query.limit.and_one(),
    };
    if accepts_csv(&headers) {
        (list.after, list.limit) = (None, csv_pages::ROWS);
        return csv_pages::answer("chats", COLUMNS, move || {
            let found = chats::list(app.database(), &list)?;
            list.after = found.last().map(|(chat, key)| (key.clone(), chat.id));
            Ok(found.into_iter().map(|(chat, _)| chat).collect())
        });
    }
    let counted = query.with_total.is_set();
    let total = counted.then(|| chats::count(app.database(), &list)).transpose()?;
    let found = chats::list(app.database(), &list)?;
    let page = Page::of(found, query.limit, total, &name, |(chat, key)| {
        vec![to_json(key), chat.id.to_string().into()]
    });
    Ok(listing::page(&headers, &page.map(|(chat, _)| chat)))
}

fn place(sort: Sort, list: &str, cursor: &str) -> Result<(Value, ChatId), ApiError> {
    match sort.field {
        "name" => page::decode_text_and_id(list, cursor).map(|(name, id)| (Value::Text(name), id)),
        _ => page::decode_number_and_id(list, cursor).map(|(at, id)| (Value::Integer(at), id)),
    }
}

/// One of one's own chats.
#[utoipa::path(
    get, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = 304))
)]
pub async fn get_chat(
    State(app): State<App>,
    session: Session,
    Path(id): Path<ChatId>,
    headers: HeaderMap,
) -> ApiResult {
    let chat = chats::find(app.database(), id, session.user())?.ok_or_else(ApiError::not_found)?;
    Ok(respond::versioned(&headers, version::of(&chat), &chat))
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct UpdateChat {
    #[deserr(default, try_from(String) = new_name -> Invalid)]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    pub name: Change<ChatName>,
}

fn new_name(given: String) -> Result<Change<ChatName>, Invalid> {
    ChatName::try_from(given).map(|name| Change(Some(name)))
}

/// Renames a group.
#[utoipa::path(
    patch, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = ChatId, Path)), request_body = UpdateChat,
    responses((status = 200, body = Chat), (status = 412))
)]
pub async fn update_chat(
    State(app): State<App>,
    session: Session,
    Path(id): Path<ChatId>,
    headers: HeaderMap,
    body: Body<UpdateChat>,
) -> ApiResult {
    require_member(&app, &session, id)?;
    let Json(body) = body?;
    let Some(name) = body.name.0 else {
        let chat = chats::find(app.database(), id, session.user())?.ok_or_else(ApiError::not_found)?;
        respond::check_if_match(&headers, version::of(&chat))?;
        return Ok(shown(&chat));
    };
    let is_as_seen = |chat: &Chat| version::is_as_seen(&headers, chat);
    let chat = chats::rename(app.database(), session.user(), id, &name, is_as_seen).map_err(problems::of_chat)?;
    let unread = chats::unread(app.database(), id)?;
    relay::publish(&app, events::chat_updated(&chat, &unread));
    Ok(shown(&chat))
}
