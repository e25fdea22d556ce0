//! What one was told.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::ids::NotificationId;
use nexus_domain::page::{Flag, Limit};
use nexus_domain::{Invalid, Timestamp};
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page, bad_cursor};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Json, Query, Session, clock, csv_pages, listing, respond};
use nexus_store::chat::notifications::{self, NotificationList};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{paging, problems};

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListNotifications {
    /// `DOCUMENTS_APPROVED`, `INVOICE_ISSUED`, …
    #[deserr(default)]
    pub kind: Option<String>,
    /// Whether it was read.
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    pub read: Option<Flag>,
    /// A part of title or body.
    #[deserr(default, try_from(Option<String>) = paging::words -> Invalid)]
    #[param(max_length = 200)]
    pub q: Option<String>,
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

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    pub id: NotificationId,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub link: Option<String>,
    pub timestamp: Timestamp,
    pub read_at: Option<Timestamp>,
}

const COLUMNS: &[&str] = &["id", "kind", "title", "body", "link", "timestamp", "readAt"];

impl From<notifications::Notification> for Notification {
    fn from(found: notifications::Notification) -> Self {
        Self {
            id: found.id,
            kind: found.kind.into(),
            title: found.title,
            body: found.body,
            link: found.link,
            timestamp: found.created_at,
            read_at: found.read_at,
        }
    }
}

/// One's own notifications of the last 90 days, the newest first.
#[utoipa::path(
    get, path = "/api/v1/notifications", tag = "chats", params(ListNotifications),
    responses((status = 200, body = Page<Notification>))
)]
pub async fn list_notifications(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<ListNotifications>,
) -> ApiResult {
    let (sort, name) = paging::order("notifications", query.sort.as_deref(), &["createdAt"], "-createdAt")?;
    let cursor = query.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let mut list = NotificationList {
        user: session.user(),
        kind: query.kind,
        read: query.read.map(Flag::is_set),
        words: query.q,
        newest_first: sort.descending,
        after: cursor.map(|cursor| place(&name, cursor)).transpose()?,
        limit: query.limit.and_one(),
    };
    if accepts_csv(&headers) {
        (list.after, list.limit) = (None, csv_pages::ROWS);
        return csv_pages::answer("notifications", COLUMNS, move || {
            let found = notifications::list(app.database(), &list)?;
            list.after = found.last().map(|found| found.id);
            Ok(found.into_iter().map(Notification::from).collect())
        });
    }
    let counted = query.with_total.is_set();
    let total = counted
        .then(|| notifications::count(app.database(), &list))
        .transpose()?;
    let found = notifications::list(app.database(), &list)?;
    let page = Page::of(found, query.limit, total, &name, |found| {
        vec![found.id.to_string().into()]
    });
    Ok(listing::page(&headers, &page.map(Notification::from)))
}

fn place(list: &str, cursor: &str) -> Result<NotificationId, ApiError> {
    let [id] = page::decode::<1>(list, cursor)?;
    id.as_str().and_then(|id| id.parse().ok()).ok_or_else(bad_cursor)
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct MarkNotificationsRead {
    #[schema(value_type = Vec<NotificationId>, max_items = 1000)]
    pub ids: Vec<String>,
}

/// Marks notifications as read.
#[utoipa::path(
    post, path = "/api/v1/notifications/read", tag = "chats", request_body = MarkNotificationsRead,
    responses((status = 204))
)]
pub async fn mark_notifications_read(
    State(app): State<App>,
    session: Session,
    Json(body): Json<MarkNotificationsRead>,
) -> ApiResult {
    if body.ids.len() > 1_000 {
        return Err(ApiError::field(
            "ids",
            Invalid::new("TOO_MANY", "must name at most 1,000"),
        ));
    }
    let ids: Vec<NotificationId> = problems::parse_ids("ids", body.ids)?;
    notifications::mark_read(app.database(), session.user(), &ids, clock::now())?;
    Ok(respond::no_content())
}
