//! Whom one may write to, and who of them is there.

use nexus_domain::chat::Viewer;
use nexus_domain::ids::{CompanyId, UserId};
use nexus_domain::page::{Sort, like};
use nexus_domain::{Role, Timestamp};
use serde_json::json;

use crate::{Database, StoreError, Value, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub online: bool,
}

/// Whether a relay that is alive says the person is online. `u` is the person, `?1` the present time.
const ONLINE: &str = "EXISTS (SELECT 1 FROM presence p JOIN relay_nodes r ON r.id = p.node_id AND r.lease_until > ?1 \
    WHERE p.user_id = u.id AND p.online = 1)";

/// Which rows [`nexus_domain::chat::may_write_to`] lets somebody find; the two must say the same. `?2` the viewer,
/// `?3` whether they find everybody, `?4` their company, `?5` whether they are a resident. The `+` keeps
/// statements from the index of `status`: most people are `ACTIVE`.
const FINDABLE: &str = "+u.status = 'ACTIVE' AND u.id <> ?2 AND (?3 OR (u.company_id = ?4 \
    AND (NOT ?5 OR u.discoverable = 1 OR u.role NOT IN ('STUDENT', 'TENANT'))))";

/// Whom somebody looks for.
#[derive(Debug, Clone)]
pub struct PeopleList {
    pub viewer: Viewer,
    /// A part of the name.
    pub words: Option<String>,
    /// Empty: of any.
    pub roles: Vec<Role>,
    /// The whole name.
    pub name: Option<String>,
    pub online: Option<bool>,
    /// For who finds everybody: of one company.
    pub company: Option<CompanyId>,
    /// By `name` or `role`.
    pub sort: Sort,
    /// What the last one before those wanted is sorted by, and its id.
    pub after: Option<(String, UserId)>,
    pub limit: u32,
}

/// Those of them whom the words and the filters fit.
fn sought_where() -> String {
    format!(
        "(?6 IS NULL OR u.name_folded LIKE ?6 ESCAPE '\\') \
         AND (?7 IS NULL OR u.role IN (SELECT value FROM json_each(?7))) AND (?8 IS NULL OR u.name = ?8) \
         AND (?9 IS NULL OR {ONLINE} = ?9) AND (?10 IS NULL OR u.company_id = ?10)"
    )
}

/// The people looked for.
pub fn list(database: &Database, list: &PeopleList, now: Timestamp) -> Result<Vec<Person>, StoreError> {
    let after = list.after.as_ref();
    let mut given = sought(list, now);
    given.extend_from_slice(params![
        after.map(|after| after.0.as_str()),
        after.map(|after| after.1),
        list.limit
    ]);
    database
        .query(&statement(list), &given)?
        .iter()
        .map(|row| {
            Ok(Person {
                id: row.parse(0)?,
                name: row.get(1)?,
                role: row.parse(2)?,
                online: row.get(3)?,
            })
        })
        .collect()
}

/// Indexes: users_by_name, users_by_company; for who finds everybody users_of_all_by_name, users_of_all_by_role.
pub(crate) fn statement(list: &PeopleList) -> String {
    let key = if list.sort.field == "role" {
        "u.role"
    } else {
        "u.name_folded"
    };
    let (beyond, direction) = if list.sort.descending {
        ("<", " DESC")
    } else {
        (">", "")
    };
    format!(
        "SELECT u.id, u.name, u.role, {ONLINE} FROM users u WHERE {}{FINDABLE} AND {} \
         AND (?11 IS NULL OR ({key}, u.id) {beyond} (?11, ?12)) ORDER BY {key}{direction}, u.id{direction} LIMIT ?13",
        scope(list),
        sought_where()
    )
}

/// Says of the company again what [`FINDABLE`] does, where an index can be found by it.
fn scope(list: &PeopleList) -> &'static str {
    match list.viewer.role {
        Role::SuperAdmin if list.company.is_some() => "u.company_id = ?10 AND ",
        Role::SuperAdmin => "",
        _ => "u.company_id = ?4 AND ",
    }
}

/// How many there are on all pages.
pub fn count(database: &Database, list: &PeopleList, now: Timestamp) -> Result<i64, StoreError> {
    // The time is named so that as many parameters are expected as are given.
    let sql = format!(
        "SELECT count(*), ?1 FROM users u WHERE {}{FINDABLE} AND {}",
        scope(list),
        sought_where()
    );
    database
        .query_opt(&sql, &sought(list, now))?
        .ok_or(StoreError::Column { index: 0 })?
        .get(0)
}

/// `?1` to `?10`.
fn sought(list: &PeopleList, now: Timestamp) -> Vec<Value> {
    let viewer = list.viewer;
    params![
        now,
        viewer.user,
        viewer.role == Role::SuperAdmin,
        viewer.company,
        viewer.role.is_resident(),
        list.words.as_deref().map(like),
        (!list.roles.is_empty()).then(|| json!(list.roles).to_string()),
        list.name.as_deref(),
        list.online,
        list.company
    ]
    .to_vec()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub user_id: UserId,
    pub online: bool,
    pub last_seen_at: Option<Timestamp>,
}

/// Who of these is there, as far as the viewer may know: people they may write to or share a chat with.
pub fn presence(
    database: &Database,
    viewer: Viewer,
    users: &[UserId],
    now: Timestamp,
) -> Result<Vec<Presence>, StoreError> {
    let sql = format!(
        "SELECT u.id, {ONLINE}, (SELECT max(p.last_seen_at) FROM presence p WHERE p.user_id = u.id) \
         FROM json_each(?6) j CROSS JOIN users u ON u.id = j.value WHERE u.id = ?2 OR ({FINDABLE}) \
         OR EXISTS (SELECT 1 FROM chat_members a JOIN chat_members b ON b.chat_id = a.chat_id AND b.user_id = ?2 \
         WHERE a.user_id = u.id) ORDER BY j.key"
    );
    database
        .query(
            &sql,
            params![
                now,
                viewer.user,
                viewer.role == Role::SuperAdmin,
                viewer.company,
                viewer.role.is_resident(),
                json!(users).to_string()
            ],
        )?
        .iter()
        .map(|row| {
            Ok(Presence {
                user_id: row.parse(0)?,
                online: row.get(1)?,
                last_seen_at: row.get(2)?,
            })
        })
        .collect()
}

/// What a relay says of itself and of who is connected to it: its lease is renewed, changes are written down, and
/// nodes whose lease ran out long ago are forgotten.
pub fn report(
    database: &Database,
    node: &str,
    lease_until: Timestamp,
    online: &[UserId],
    offline: &[UserId],
    now: Timestamp,
) -> Result<(), StoreError> {
    database.transaction(|tx| {
        tx.execute(
            "INSERT INTO relay_nodes (id, lease_until) VALUES (?1, ?2) \
             ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until",
            params![node, lease_until],
        )?;
        for (users, is_online) in [(online, true), (offline, false)] {
            if users.is_empty() {
                continue;
            }
            tx.execute(
                "INSERT INTO presence (user_id, node_id, online, last_seen_at) \
                 SELECT u.id, ?2, ?3, ?4 FROM json_each(?1) j CROSS JOIN users u ON u.id = j.value WHERE true \
                 ON CONFLICT (user_id, node_id) DO UPDATE SET online = excluded.online, last_seen_at = excluded.last_seen_at",
                params![json!(users).to_string(), node, is_online, now],
            )?;
        }
        forget_dead_nodes(tx, now)
    })
}

/// Of a node that is gone, what remains is when its people were last seen.
fn forget_dead_nodes(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    const KEPT_MILLIS: i64 = 60_000;
    let dead = database.query(
        "DELETE FROM relay_nodes WHERE lease_until < ?1 RETURNING id",
        params![now.plus_millis(-KEPT_MILLIS)],
    )?;
    for row in dead {
        let node: String = row.get(0)?;
        database.execute(
            "INSERT INTO presence (user_id, node_id, online, last_seen_at) \
             SELECT user_id, '', 0, last_seen_at FROM presence WHERE node_id = ?1 \
             ON CONFLICT (user_id, node_id) DO UPDATE SET last_seen_at = max(last_seen_at, excluded.last_seen_at)",
            params![&node],
        )?;
        database.execute("DELETE FROM presence WHERE node_id = ?1", params![&node])?;
    }
    Ok(())
}
