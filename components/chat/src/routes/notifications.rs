//! What one was told.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use nexus_domain::ids::NotificationId;
use nexus_domain::{Invalid, Timestamp};
use nexus_kit::{Answer, App, FieldErrors, Json, Problem, Query, Session, clock, respond};
use nexus_store::notifications;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::paging::{Limit, decode_cursor, next_cursor};
use crate::problems;

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct ListNotifications {
    #[deserr(default, try_from(String) = Limit::try_from -> Invalid)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    #[deserr(default)]
    pub cursor: Option<String>,
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

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationList {
    pub items: Vec<Notification>,
    pub next_cursor: Option<String>,
}

/// One's own notifications of the last 90 days, the newest first.
#[utoipa::path(
    get, path = "/api/v1/notifications", tag = "chats", params(ListNotifications), security(("bearer" = [])),
    responses((status = 200, body = NotificationList))
)]
pub async fn list_notifications(
    State(app): State<App>,
    session: Session,
    Query(query): Query<ListNotifications>,
) -> Answer<Response> {
    let before = decode_cursor::<NotificationId>(query.cursor.as_deref())?;
    let mut found = notifications::list(app.database(), session.user(), before, query.limit.and_one())?;
    let next_cursor = next_cursor(&mut found, query.limit, |notification| notification.id);
    let items = found
        .into_iter()
        .map(|found| Notification {
            id: found.id,
            kind: found.kind,
            title: found.title,
            body: found.body,
            link: found.link,
            timestamp: found.created_at,
            read_at: found.read_at,
        })
        .collect();
    Ok(respond::ok(&NotificationList { items, next_cursor }))
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
    security(("bearer" = [])), responses((status = 204))
)]
pub async fn mark_notifications_read(
    State(app): State<App>,
    session: Session,
    Json(body): Json<MarkNotificationsRead>,
) -> Answer<Response> {
    if body.ids.len() > 1_000 {
        return Err(Problem::field(
            "ids",
            Invalid::new("TOO_MANY", "must name at most 1,000"),
        ));
    }
    let ids: Vec<NotificationId> = problems::parse_ids("ids", body.ids)?;
    notifications::mark_read(app.database(), session.user(), &ids, clock::now())?;
    Ok(respond::no_content())
}
