//! What migrations change in rows that SQL alone can't: SQLite knows no Unicode beyond ASCII.

use nexus_domain::email::{self, key_of};
use nexus_domain::premises::StoredAddress;
use nexus_domain::text::fold;
use serde_json::Value as Json;

use crate::{
    Database, Row, StoreError, params,
    property::{compounds, maintenance},
};

/// How many rows one transaction rewrites.
const AT_ONCE: i64 = 500;

/// A table whose key of an e-mail address is derived anew.
struct Keyed {
    /// By this its rows are gone through.
    id: &'static str,
    /// The rows after `?1` whose key is beyond ASCII, with id, address and key. Keys in ASCII are as they were.
    select: &'static str,
    /// `?1` the id, `?2` the key. Where the key is unique and taken, the row keeps its own.
    update: &'static str,
}

const KEYED: &[Keyed] = &[
    Keyed {
        id: "users",
        select: "SELECT id, email, email_key FROM users WHERE id > ?1 AND email_key GLOB '*[^ -~]*' ORDER BY id LIMIT ?2",
        update: "UPDATE OR IGNORE users SET email_key = ?2 WHERE id = ?1",
    },
    Keyed {
        id: "tenants",
        select: "SELECT id, email, email_key FROM tenants WHERE id > ?1 AND email_key GLOB '*[^ -~]*' ORDER BY id LIMIT ?2",
        update: "UPDATE tenants SET email_key = ?2 WHERE id = ?1",
    },
    Keyed {
        id: "outbox",
        select: "SELECT id, recipient, recipient_key FROM outbox WHERE id > ?1 AND recipient_key GLOB '*[^ -~]*' \
                 ORDER BY id LIMIT ?2",
        update: "UPDATE outbox SET recipient_key = ?2 WHERE id = ?1",
    },
    Keyed {
        id: "mail_suppressions",
        select: "SELECT recipient_key, recipient_key, recipient_key FROM mail_suppressions WHERE recipient_key > ?1 \
                 AND recipient_key GLOB '*[^ -~]*' ORDER BY recipient_key LIMIT ?2",
        update: "UPDATE OR IGNORE mail_suppressions SET recipient_key = ?2 WHERE recipient_key = ?1",
    },
];

/// The keys of e-mail addresses by today's rule. Ids grow with time, so of two accounts the older one comes first.
/// `after` is a table and an id in it, `users 0190…`.
pub(crate) fn rekey(database: &Database, after: Option<String>) -> Result<Option<String>, StoreError> {
    let after = after.unwrap_or_default();
    let (table, id) = after.split_once(' ').unwrap_or(("", ""));
    let place = KEYED.iter().position(|keyed| keyed.id == table).unwrap_or(0);
    let Some(keyed) = KEYED.get(place) else { return Ok(None) };
    let rows = database.query(keyed.select, params![id, AT_ONCE])?;
    let mut last = None;
    for row in &rows {
        let (id, address, key): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let new = key_of(&address);
        if new != key {
            database.execute(keyed.update, params![&id, new])?;
        }
        last = Some(id);
    }
    Ok(match (last, KEYED.get(place + 1)) {
        (Some(last), _) if rows.len() as i64 == AT_ONCE => Some(format!("{} {last}", keyed.id)),
        (_, Some(next)) => Some(format!("{} ", next.id)),
        (_, None) => None,
    })
}

/// A table whose text is folded into columns of its own.
struct Folded {
    /// The rows that are still to be folded: id and texts, `?1` at most.
    select: &'static str,
    /// From what `select` gives, what stands after the id in an element of the list that `update` gets as `?1`.
    fold: fn(&Row) -> Result<Vec<String>, StoreError>,
    update: &'static str,
}

const FOLDED: &[Folded] = &[
    Folded {
        select: "SELECT id, name, email FROM users WHERE name_folded IS NULL LIMIT ?1",
        fold: |row| {
            Ok(vec![
                fold(&row.get::<String>(1)?),
                email::folded(&row.get::<String>(2)?),
            ])
        },
        update: "UPDATE users SET name_folded = j.value ->> 1, email_folded = j.value ->> 2 \
                 FROM json_each(?1) j WHERE users.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, name FROM companies WHERE name_folded IS NULL LIMIT ?1",
        fold: one_text,
        update: "UPDATE companies SET name_folded = j.value ->> 1 FROM json_each(?1) j WHERE companies.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, name, address FROM compounds WHERE folded IS NULL LIMIT ?1",
        fold: |row| {
            let address: StoredAddress = serde_json::from_str(&row.get::<String>(2)?).unwrap_or_default();
            Ok(vec![compounds::folded(&row.get::<String>(1)?, &address)])
        },
        update: "UPDATE compounds SET folded = j.value ->> 1 FROM json_each(?1) j WHERE compounds.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, apartment_number FROM apartments WHERE number_folded IS NULL LIMIT ?1",
        fold: one_text,
        update: "UPDATE apartments SET number_folded = j.value ->> 1 FROM json_each(?1) j WHERE apartments.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, full_name, email FROM tenants WHERE name_folded IS NULL LIMIT ?1",
        fold: |row| {
            Ok(vec![
                fold(&row.get::<String>(1)?),
                email::folded(&row.get::<String>(2)?),
            ])
        },
        update: "UPDATE tenants SET name_folded = j.value ->> 1, email_folded = j.value ->> 2 \
                 FROM json_each(?1) j WHERE tenants.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, reference FROM payments WHERE reference IS NOT NULL AND reference_folded IS NULL LIMIT ?1",
        fold: one_text,
        update: "UPDATE payments SET reference_folded = j.value ->> 1 FROM json_each(?1) j WHERE payments.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, title, description FROM maintenance_requests WHERE folded IS NULL LIMIT ?1",
        fold: two_texts,
        update: "UPDATE maintenance_requests SET folded = j.value ->> 1 \
                 FROM json_each(?1) j WHERE maintenance_requests.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, name FROM chats WHERE name IS NOT NULL AND name_folded IS NULL LIMIT ?1",
        fold: one_text,
        update: "UPDATE chats SET name_folded = j.value ->> 1 FROM json_each(?1) j WHERE chats.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, title, body FROM notifications WHERE folded IS NULL LIMIT ?1",
        fold: two_texts,
        update: "UPDATE notifications SET folded = j.value ->> 1 FROM json_each(?1) j WHERE notifications.id = j.value ->> 0",
    },
    Folded {
        select: "SELECT id, recipient FROM outbox WHERE recipient_folded IS NULL LIMIT ?1",
        fold: |row| Ok(vec![email::folded(&row.get::<String>(1)?)]),
        update: "UPDATE outbox SET recipient_folded = j.value ->> 1 FROM json_each(?1) j WHERE outbox.id = j.value ->> 0",
    },
];

fn one_text(row: &Row) -> Result<Vec<String>, StoreError> {
    Ok(vec![fold(&row.get::<String>(1)?)])
}

fn two_texts(row: &Row) -> Result<Vec<String>, StoreError> {
    Ok(vec![maintenance::folded(
        &row.get::<String>(1)?,
        &row.get::<String>(2)?,
    )])
}

/// Fills the folded columns, one table after another. `after` is the place of the table.
pub(crate) fn fold_all(database: &Database, after: Option<String>) -> Result<Option<String>, StoreError> {
    let place = after.and_then(|place| place.parse().ok()).unwrap_or(0);
    let Some(table) = FOLDED.get(place) else {
        return Ok(None);
    };
    let rows = database.query(table.select, params![AT_ONCE])?;
    let folded = rows
        .iter()
        .map(|row| {
            let mut element = vec![row.get::<String>(0)?];
            element.extend((table.fold)(row)?);
            Ok(Json::from(element))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    if !folded.is_empty() {
        database.execute(table.update, params![Json::from(folded).to_string()])?;
    }
    let next = if rows.len() as i64 == AT_ONCE { place } else { place + 1 };
    Ok((next < FOLDED.len()).then(|| next.to_string()))
}

#[cfg(test)]
mod tests;
