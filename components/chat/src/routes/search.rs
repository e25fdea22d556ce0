//! Messages found by their words.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::Invalid;
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::message::Message;
use nexus_domain::page::{Flag, Limit};
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page, bad_cursor};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Query, Session, csv_pages, listing};
use nexus_store::chat::message_search::{self, Search};
use utoipa::IntoParams;

use crate::paging;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct SearchMessages {
    /// Words that all must be in a message; the last may be a beginning.
    #[param(min_length = 1, max_length = 200, pattern = r"[^\s\u0085]")]
    pub q: String,
    /// In this chat only.
    #[deserr(default)]
    #[param(value_type = Option<String>, format = "uuid")]
    pub chat_id: Option<ChatId>,
    /// From this person only.
    #[deserr(default)]
    #[param(value_type = Option<String>, format = "uuid")]
    pub sender_id: Option<UserId>,
    /// `-createdAt`, or `createdAt` for the oldest first.
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

const COLUMNS: &[&str] = &[
    "id",
    "chatId",
    "seq",
    "senderId",
    "content",
    "messageType",
    "createdAt",
    "editedAt",
];

/// A search brings the index up to date first; after a flood of messages it does so in steps of this many rounds.
const ROUNDS_OF_INDEXING: usize = 20;

/// Searches the chats one is in, the newest first.
#[utoipa::path(
    get, path = "/api/v1/messages/search", tag = "chats", params(SearchMessages),
    responses((status = 200, body = Page<Message>))
)]
pub async fn search_messages(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<SearchMessages>,
) -> ApiResult {
    if query.q.trim().is_empty() || query.q.chars().count() > 200 {
        let invalid = Invalid::new("WRONG_LENGTH", "must have 1 to 200 characters");
        return Err(ApiError::field("q", invalid));
    }
    let (sort, name) = paging::order("messages", query.sort.as_deref(), &["createdAt"], "-createdAt")?;
    let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let mut search = Search {
        user: session.user(),
        words: query.q,
        chat: query.chat_id,
        sender: query.sender_id,
        newest_first: sort.descending,
        after: cursor.map(|cursor| place(&name, cursor)).transpose()?,
        limit: query.limit.and_one(),
    };
    for _ in 0..ROUNDS_OF_INDEXING {
        if message_search::index_words(app.database())? {
            break;
        }
    }
    if accepts_csv(&headers) {
        (search.after, search.limit) = (None, csv_pages::ROWS);
        return csv_pages::answer("messages", COLUMNS, move || {
            let found = message_search::search(app.database(), &search)?;
            search.after = found.last().map(|hit| hit.n);
            Ok(found.into_iter().map(|hit| hit.message).collect())
        });
    }
    let counted = query.with_total.is_set();
    let total = counted
        .then(|| message_search::count(app.database(), &search))
        .transpose()?;
    let found = message_search::search(app.database(), &search)?;
    let page = Page::of(found, query.limit, total, &name, |hit| vec![hit.n.into()]);
    Ok(listing::page(&headers, &page.map(|hit| hit.message)))
}

fn place(list: &str, cursor: &str) -> Result<i64, ApiError> {
    let [n] = page::decode::<1>(list, cursor)?;
    n.as_i64().ok_or_else(bad_cursor)
}
