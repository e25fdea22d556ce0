//! Messages: read, sent, changed.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::Invalid;
use nexus_domain::ids::{AttachmentId, ChatId, MessageId};
use nexus_domain::message::{Content, Message, MessageType, TempId, check_attachments};
use nexus_domain::page::Limit;
use nexus_kit::patch::Change;
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, Path, Query, Session, clock, relay, respond, version};
use nexus_protocol::relay::RelayEvent;
use nexus_store::chat::chats;
use nexus_store::chat::message_history::{self, Page};
use nexus_store::chat::messages::{self, NewMessage, Sent};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{Body, ListQuery, require_member};
use crate::paging::SeqParam;
use crate::{events, pace, problems};

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListMessages {
    /// Messages after this `seq`, the nearest first.
    #[deserr(default, try_from(Option<String>) = given_seq -> Invalid)]
    #[param(value_type = Option<i64>, minimum = 0)]
    pub after: Option<SeqParam>,
    /// Messages before this `seq`, the nearest.
    #[deserr(default, try_from(Option<String>) = given_seq -> Invalid)]
    #[param(value_type = Option<i64>, minimum = 0)]
    pub before: Option<SeqParam>,
    #[deserr(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub limit: Limit,
}

fn given_seq(given: Option<String>) -> Result<Option<SeqParam>, Invalid> {
    given.map(SeqParam::try_from).transpose()
}

/// A part of a chat's history, in the order of `seq`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageList {
    pub items: Vec<Message>,
    /// The `seq` of the first item; `null` when there is none.
    pub first_seq: Option<i64>,
    /// The `seq` of the last item; `null` when there is none.
    pub last_seq: Option<i64>,
}

/// A chat's history: the latest messages, or those next to a `seq`.
#[utoipa::path(
    get, path = "/api/v1/chats/{id}/messages", tag = "chats", params(("id" = ChatId, Path), ListMessages),
    responses((status = 200, body = MessageList))
)]
pub async fn list_messages(
    State(app): State<App>,
    session: Session,
    Path(id): Path<ChatId>,
    query: ListQuery<ListMessages>,
) -> ApiResult {
    require_member(&app, &session, id)?;
    let Query(query) = query?;
    let page = match (query.after, query.before) {
        (Some(_), Some(_)) => {
            let invalid = Invalid::new("NOT_ALLOWED", "can't be given together with `after`");
            return Err(ApiError::field("before", invalid));
        }
        (Some(SeqParam(after)), None) => Page::After(after),
        (None, Some(SeqParam(before))) => Page::Before(before),
        (None, None) => Page::Latest,
    };
    let items = message_history::page(app.database(), id, page, query.limit.get())?;
    Ok(respond::ok(&MessageList {
        first_seq: items.first().map(|message| message.seq),
        last_seq: items.last().map(|message| message.seq),
        items,
    }))
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct CreateMessage {
    /// 1 to 4,000 characters after trimming; may be empty with attachments.
    #[deserr(default)]
    #[schema(max_length = 32000)]
    pub content: String,
    #[deserr(default, try_from(Option<String>) = given_type -> Invalid)]
    #[schema(value_type = Option<MessageType>)]
    pub message_type: Option<MessageType>,
    /// Ids of uploaded attachments.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<AttachmentId>>, max_items = 10)]
    pub attachments: Vec<String>,
    /// The sender's own name for the message: sent again, it is stored once.
    #[deserr(default, try_from(Option<String>) = given_temp_id -> Invalid)]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub temp_id: Option<TempId>,
}

fn given_type(given: Option<String>) -> Result<Option<MessageType>, Invalid> {
    given.map(MessageType::try_from).transpose()
}

fn given_temp_id(given: Option<String>) -> Result<Option<TempId>, Invalid> {
    given.map(TempId::try_from).transpose()
}

/// Sends a message. The same `tempId` again: the first message, with 200.
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/messages", tag = "chats", params(("id" = ChatId, Path)),
    request_body = CreateMessage,
    responses(
        (status = 201, body = Message),
        (status = 200, description = "Sent before", body = Message),
        (status = 429, description = "More than `MESSAGE_RATE`, by sockets and here together")
    )
)]
pub async fn create_message(
    State(app): State<App>,
    session: Session,
    Path(id): Path<ChatId>,
    body: Body<CreateMessage>,
) -> ApiResult {
    require_member(&app, &session, id)?;
    let Json(body) = body?;
    let new = new_message(&session, id, body)?;
    pace::admit(&app, session.user()).await?;
    match messages::send(app.database(), vec![new], clock::now())?.pop() {
        Some(Sent::Stored(placed)) => {
            let answer = respond::with_etag(respond::created(&placed.message), version::of(&placed.message));
            relay::publish(&app, vec![RelayEvent::MessageStored { placed }]);
            Ok(answer)
        }
        Some(Sent::Duplicate(first)) => Ok(shown(&first)),
        Some(Sent::UnknownAttachment) => {
            let invalid = Invalid::new("UNKNOWN_ATTACHMENT", "must be your own and not sent before");
            Err(ApiError::field("attachments", invalid))
        }
        Some(Sent::NotAMember) | None => Err(ApiError::not_found()),
    }
}

fn shown(message: &Message) -> Response {
    respond::with_etag(respond::ok(message), version::of(message))
}

fn new_message(session: &Session, chat: ChatId, body: CreateMessage) -> Result<NewMessage, ApiError> {
    let attachments = problems::parse_ids("attachments", body.attachments)?;
    check_attachments(&attachments).map_err(|e| ApiError::field("attachments", e))?;
    let content = Content::new(body.content, !attachments.is_empty()).map_err(|e| ApiError::field("content", e))?;
    let message_type = MessageType::from_person(body.message_type).map_err(|e| ApiError::field("messageType", e))?;
    Ok(NewMessage {
        id: clock::new_id(MessageId::generate),
        chat_id: chat,
        sender_id: session.user(),
        temp_id: body.temp_id,
        message_type,
        content,
        attachments,
    })
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct UpdateMessage {
    #[schema(value_type = String, required = false, max_length = 32000)]
    #[deserr(default)]
    pub content: Change<String>,
}

/// New words for one's own message.
#[utoipa::path(
    patch, path = "/api/v1/chats/{id}/messages/{messageId}", tag = "chats",
    params(("id" = ChatId, Path), ("messageId" = MessageId, Path)), request_body = UpdateMessage,
    responses((status = 200, body = Message), (status = 412))
)]
pub async fn update_message(
    State(app): State<App>,
    session: Session,
    Path((chat, id)): Path<(ChatId, MessageId)>,
    headers: HeaderMap,
    body: Body<UpdateMessage>,
) -> ApiResult {
    let message = message_history::find(app.database(), chat, id, session.user())?.ok_or_else(ApiError::not_found)?;
    let Json(body) = body?;
    let Some(content) = body.content.0 else {
        respond::check_if_match(&headers, version::of(&message))?;
        return Ok(shown(&message));
    };
    let is_as_seen = |message: &Message| version::is_as_seen(&headers, message);
    let (database, editor) = (app.database(), session.user());
    let changed =
        messages::edit(database, editor, chat, id, content, is_as_seen, clock::now()).map_err(problems::of_change)?;
    relay::publish(&app, events::message_changed(&changed));
    Ok(shown(&changed.message))
}

/// Takes a message back. Its place in the chat stays, without its words and files.
#[utoipa::path(
    delete, path = "/api/v1/chats/{id}/messages/{messageId}", tag = "chats",
    params(("id" = ChatId, Path), ("messageId" = MessageId, Path)),
    responses((status = 204))
)]
pub async fn delete_message(
    State(app): State<App>,
    session: Session,
    Path((chat, id)): Path<(ChatId, MessageId)>,
) -> ApiResult {
    let deleted = messages::delete(app.database(), session.user(), session.role(), chat, id, clock::now())
        .map_err(problems::of_change)?;
    if let Some(changed) = deleted {
        relay::publish(&app, events::message_changed(&changed));
    }
    Ok(respond::no_content())
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct MarkRead {
    /// Everything up to here was read. The mark never moves back.
    #[schema(minimum = 0)]
    pub seq: u32,
}

/// Moves one's read mark on.
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/read", tag = "chats", params(("id" = ChatId, Path)), request_body = MarkRead,
    responses((status = 204))
)]
pub async fn mark_read(
    State(app): State<App>,
    session: Session,
    Path(id): Path<ChatId>,
    body: Body<MarkRead>,
) -> ApiResult {
    require_member(&app, &session, id)?;
    let Json(body) = body?;
    let (seq, moved) =
        chats::mark_read(app.database(), session.user(), id, body.seq.into())?.ok_or_else(ApiError::not_found)?;
    if moved {
        relay::publish(&app, events::read(id, session.user(), seq));
    }
    Ok(respond::no_content())
}
