//! What people were told, kept for 90 days.

use nexus_domain::Timestamp;
use nexus_domain::ids::{NotificationId, UserId};
use serde_json::json;

use crate::{Database, Row, StoreError, params};

/// How long a notification is kept.
pub const KEPT_DAYS: i64 = 90;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    pub user_id: UserId,
    /// `DOCUMENTS_APPROVED`, `INVOICE_ISSUED`, …
    pub kind: String,
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
        "INSERT INTO notifications (id, user_id, kind, title, body, link, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            notification.id,
            notification.user_id,
            &notification.kind,
            &notification.title,
            &notification.body,
            notification.link.clone(),
            notification.created_at
        ],
    )
}

/// One's own, the newest first, or the oldest. Ids grow with time. Index: notifications_by_user.
pub fn list(
    database: &Database,
    user: UserId,
    newest_first: bool,
    after: Option<NotificationId>,
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    let downwards = "SELECT id, user_id, kind, title, body, link, created_at, read_at FROM notifications \
        WHERE user_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3";
    let upwards = "SELECT id, user_id, kind, title, body, link, created_at, read_at FROM notifications \
        WHERE user_id = ?1 AND (?2 IS NULL OR id > ?2) ORDER BY id LIMIT ?3";
    database
        .query(
            if newest_first { downwards } else { upwards },
            params![user, after, limit],
        )?
        .iter()
        .map(read)
        .collect()
}

pub fn count(database: &Database, user: UserId) -> Result<i64, StoreError> {
    database
        .query_opt("SELECT count(*) FROM notifications WHERE user_id = ?1", params![user])?
        .ok_or(StoreError::Column { index: 0 })?
        .get(0)
}

fn read(row: &Row) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: row.parse(0)?,
        user_id: row.parse(1)?,
        kind: row.get(2)?,
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
