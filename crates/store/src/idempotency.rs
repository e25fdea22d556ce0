//! First answers kept for `Idempotency-Key`.
//!
//! A key is claimed before the work, and the answer is written in the work's own transaction ([`keep`] takes one),
//! so that a crash leaves either both or neither.

use nexus_domain::Timestamp;
use nexus_domain::ids::UserId;

use crate::{Database, StoreError, params};

/// A claimed key. Whoever holds it must [`keep`] an answer or [`release`] it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    user: UserId,
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Run(Ticket),
    /// The first answer.
    Replay {
        status: u16,
        body: Vec<u8>,
    },
    /// The key was used for something else.
    Mismatch,
    InFlight,
}

const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// Longer than any request runs; after it, whoever held the key is gone.
const IN_FLIGHT_SECONDS: i64 = 60;

pub fn claim(
    database: &Database,
    user: UserId,
    key: &str,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    let ticket = || Ticket {
        user,
        key: key.to_owned(),
    };
    // One statement takes a free key, one that is a day old, and one whose holder died before it answered.
    let taken = database.query_opt(
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, created_at, in_flight_until) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (user_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, \
         in_flight_until = excluded.in_flight_until, status = NULL, body = NULL \
         WHERE created_at <= ?6 OR (status IS NULL AND in_flight_until <= ?4 AND fingerprint = excluded.fingerprint) \
         RETURNING 1",
        params![user, key, fingerprint, now, now.plus_seconds(IN_FLIGHT_SECONDS), now.plus_seconds(-KEPT_SECONDS)],
    )?;
    if taken.is_some() {
        return Ok(Claim::Run(ticket()));
    }
    let row = database.query_opt(
        "SELECT fingerprint, status, body FROM idempotency_keys WHERE user_id = ?1 AND key = ?2",
        params![user, key],
    )?;
    // Released between the two statements: as good as running, the client tries again.
    let Some(mut row) = row else { return Ok(Claim::InFlight) };
    if row.get::<String>(0)? != fingerprint {
        return Ok(Claim::Mismatch);
    }
    match row.get::<Option<u16>>(1)? {
        Some(status) => Ok(Claim::Replay {
            status,
            body: row.take_blob(2)?,
        }),
        None => Ok(Claim::InFlight),
    }
}

/// Writes the answer down; in the transaction of the work it tells of.
pub fn keep(database: &Database, ticket: &Ticket, status: u16, body: Vec<u8>) -> Result<(), StoreError> {
    database.execute(
        "UPDATE idempotency_keys SET status = ?3, body = ?4, in_flight_until = NULL WHERE user_id = ?1 AND key = ?2",
        params![ticket.user, &ticket.key, status, body],
    )
}

/// Gives a key back whose work came to nothing; one with an answer stays.
pub fn release(database: &Database, ticket: &Ticket) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM idempotency_keys WHERE user_id = ?1 AND key = ?2 AND status IS NULL",
        params![ticket.user, &ticket.key],
    )
}

/// Forgets what is older than a day. Index: idempotency_keys_by_age.
pub fn forget_old(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM idempotency_keys WHERE created_at <= ?1",
        params![now.plus_seconds(-KEPT_SECONDS)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn with_user() -> (Database, UserId) {
        let database = Database::in_memory().unwrap();
        let user = UserId::generate(NOW, [1; 10]);
        database
            .execute(
                "INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at) \
                 VALUES (?1, 'a@b.co', 'a@b.co', 'A', 'ADMIN', 'h', 0, 0)",
                params![user],
            )
            .unwrap();
        (database, user)
    }

    fn ticket(claim: Claim) -> Ticket {
        match claim {
            Claim::Run(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_answer_comes_again_for_a_day() {
        let (database, user) = with_user();
        let first = ticket(claim(&database, user, "k", "f", NOW).unwrap());
        assert_eq!(claim(&database, user, "k", "f", NOW).unwrap(), Claim::InFlight);
        keep(&database, &first, 201, b"{}".to_vec()).unwrap();
        release(&database, &first).unwrap();
        let replay = Claim::Replay {
            status: 201,
            body: b"{}".to_vec(),
        };
        assert_eq!(
            claim(&database, user, "k", "f", NOW.plus_seconds(86_399)).unwrap(),
            replay
        );
        assert_eq!(claim(&database, user, "k", "g", NOW).unwrap(), Claim::Mismatch);
        ticket(claim(&database, user, "k", "g", NOW.plus_seconds(86_400)).unwrap());
    }

    #[test]
    fn a_key_whose_holder_died_may_be_used_again_for_the_same() {
        let (database, user) = with_user();
        ticket(claim(&database, user, "k", "f", NOW).unwrap());
        assert_eq!(
            claim(&database, user, "k", "g", NOW.plus_seconds(61)).unwrap(),
            Claim::Mismatch
        );
        ticket(claim(&database, user, "k", "f", NOW.plus_seconds(61)).unwrap());
    }

    #[test]
    fn a_released_key_is_free() {
        let (database, user) = with_user();
        let first = ticket(claim(&database, user, "k", "f", NOW).unwrap());
        release(&database, &first).unwrap();
        ticket(claim(&database, user, "k", "g", NOW).unwrap());
    }
}
