//! What people were told, kept for 90 days.

use nexus_domain::Timestamp;
use nexus_domain::ids::{NotificationId, UserId};
use nexus_domain::notification_kind::NotificationKind;
use nexus_domain::page::like;
use serde_json::json;

use crate::property::maintenance::folded;
use crate::{Database, Row, StoreError, Value, params};

/// How long a notification is kept.
pub const KEPT_DAYS: i64 = 90;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    pub user_id: UserId,
    pub kind: NotificationKind,
    pub title: String,
    pub body: String,
    /// A path within the console.
    pub link: Option<String>,
    pub created_at: Timestamp,
    pub read_at: Option<Timestamp>,
}

/// Written in the transaction that causes it; the event goes out after the commit.
pub fn insert(database: &Database, notification: &Notification) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO notifications (id, user_id, kind, title, body, folded, link, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?8, ?6, ?7)",
        params![
            notification.id,
            notification.user_id,
            notification.kind.as_str(),
            &notification.title,
            &notification.body,
            notification.link.clone(),
            notification.created_at,
            folded(&notification.title, &notification.body)
        ],
    )
}

/// Which of somebody's notifications, in which order, from where on.
#[derive(Debug, Clone)]
pub struct NotificationList {
    pub user: UserId,
    pub kind: Option<String>,
    /// Whether it was read.
    pub read: Option<bool>,
    /// A part of title or body.
    pub words: Option<String>,
    pub newest_first: bool,
    /// The last one before those wanted. Ids grow with time.
    pub after: Option<NotificationId>,
    pub limit: u32,
}

const WANTED: &str = "user_id = ?1 AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR (read_at IS NOT NULL) = ?3) \
    AND (?4 IS NULL OR folded LIKE ?4 ESCAPE '\\')";

pub fn list(database: &Database, list: &NotificationList) -> Result<Vec<Notification>, StoreError> {
    let mut given = wanted(list);
    given.extend_from_slice(params![list.after, list.limit]);
    database
        .query(&statement(list.newest_first), &given)?
        .iter()
        .map(read)
        .collect()
}

/// Index: notifications_by_user.
pub(crate) fn statement(newest_first: bool) -> String {
    let (beyond, direction) = if newest_first { ("<", " DESC") } else { (">", "") };
    format!(
        "SELECT id, user_id, kind, title, body, link, created_at, read_at FROM notifications \
         WHERE {WANTED} AND (?5 IS NULL OR id {beyond} ?5) ORDER BY id{direction} LIMIT ?6"
    )
}

/// How many there are on all pages.
pub fn count(database: &Database, list: &NotificationList) -> Result<i64, StoreError> {
    database
        .query_opt(
            &format!("SELECT count(*) FROM notifications WHERE {WANTED}"),
            &wanted(list),
        )?
        .ok_or(StoreError::Column { index: 0 })?
        .get(0)
}

/// `?1` to `?4`.
fn wanted(list: &NotificationList) -> Vec<Value> {
    params![
        list.user,
        list.kind.as_deref(),
        list.read,
        list.words.as_deref().map(like)
    ]
    .to_vec()
}

fn read(row: &Row) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: row.parse(0)?,
        user_id: row.parse(1)?,
        kind: row.parse(2)?,
        title: row.get(3)?,
        body: row.get(4)?,
        link: row.get(5)?,
        created_at: row.get(6)?,
        read_at: row.get(7)?,
    })
}

/// Those written between two places of the relays' feed, in that order. Indexes: both tables' keys.
pub(crate) fn told_between(database: &Database, after: i64, up_to: i64) -> Result<Vec<Notification>, StoreError> {
    database
        .query(
            "SELECT t.id, t.user_id, t.kind, t.title, t.body, t.link, t.created_at, t.read_at FROM relay_feed f \
             JOIN notifications t ON t.id = f.notification_id WHERE f.n > ?1 AND f.n <= ?2 ORDER BY f.n",
            params![after, up_to],
        )?
        .iter()
        .map(read)
        .collect()
}

/// Marks one's own as read; ids of others change nothing.
pub fn mark_read(database: &Database, user: UserId, ids: &[NotificationId], now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "UPDATE notifications SET read_at = ?3 WHERE id IN (SELECT value FROM json_each(?2)) AND user_id = ?1 \
         AND read_at IS NULL",
        params![user, json!(ids).to_string(), now],
    )
}

/// Forgets what is older than it is kept, a part at a time. Index: notifications_by_age.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM notifications WHERE rowid IN (SELECT rowid FROM notifications WHERE created_at < ?1 LIMIT 1000)",
        params![now.plus_seconds(-KEPT_DAYS * 86_400)],
    )
}
