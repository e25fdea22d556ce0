//! How often passwords were guessed: per e-mail address, and per client address.
//!
//! An attempt is written down *before* the password is checked and taken back when it was right. The count
//! and the new row are one statement, so of any number of simultaneous guesses only as many are checked
//! as there may be; and the rows outlive a restart.

use nexus_domain::Timestamp;
use uuid::Uuid;

use crate::{Database, StoreError, params};

#[derive(Debug, Clone, Copy)]
pub struct AttemptLimits {
    pub per_email: i64,
    pub per_address: i64,
    pub window_millis: i64,
}

/// 5 failures in 15 minutes per e-mail address, 300 per client address.
pub const SIGN_IN_LIMITS: AttemptLimits = AttemptLimits {
    per_email: 5,
    per_address: 300,
    window_millis: 15 * 60 * 1_000,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Check the password, then [`release`] or [`clear`] if it was right.
    Admitted(Uuid),
    /// As many have failed as may, until then.
    Throttled { until: Timestamp },
}

/// Whose password is being tried, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    pub email_hash: &'a str,
    /// Empty: nobody knows, and only the e-mail address counts.
    pub address: &'a str,
}

/// Takes a place for one guess. Indexes: sign_in_attempts_by_email, sign_in_attempts_by_address.
pub fn reserve(
    database: &Database,
    id: Uuid,
    guess: Guess<'_>,
    limits: AttemptLimits,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    let since = now.plus_millis(-limits.window_millis);
    let admitted = database.query_opt(
        "INSERT INTO sign_in_attempts (id, email_hash, address, at) SELECT ?1, ?2, ?3, ?4 \
         WHERE (SELECT count(*) FROM sign_in_attempts WHERE email_hash = ?2 AND at > ?5) < ?6 \
         AND (?3 = '' OR (SELECT count(*) FROM sign_in_attempts WHERE address = ?3 AND at > ?5) < ?7) \
         RETURNING 1",
        params![
            id,
            guess.email_hash,
            guess.address,
            now,
            since,
            limits.per_email,
            limits.per_address
        ],
    )?;
    if admitted.is_some() {
        return Ok(Admission::Admitted(id));
    }
    // The place that frees next: the oldest of the last n attempts.
    let row = database.query_opt(
        "SELECT max( \
           coalesce((SELECT at FROM sign_in_attempts WHERE email_hash = ?1 AND at > ?3 \
                     ORDER BY at DESC LIMIT 1 OFFSET ?4 - 1), 0), \
           coalesce((SELECT at FROM sign_in_attempts WHERE address = ?2 AND ?2 <> '' AND at > ?3 \
                     ORDER BY at DESC LIMIT 1 OFFSET ?5 - 1), 0))",
        params![
            guess.email_hash,
            guess.address,
            since,
            limits.per_email,
            limits.per_address
        ],
    )?;
    let oldest: Timestamp = row.map_or(Ok(now), |row| row.get(0))?;
    // 0: a place became free between the two statements.
    let until = if oldest.as_millis() == 0 {
        now.plus_seconds(1)
    } else {
        oldest.plus_millis(limits.window_millis)
    };
    Ok(Admission::Throttled { until })
}

/// Takes one attempt back: the password was right, whatever else was wrong.
pub fn release(database: &Database, attempt: Uuid) -> Result<(), StoreError> {
    database.execute("DELETE FROM sign_in_attempts WHERE id = ?1", params![attempt])
}

/// Forgets the failures of an e-mail address: its owner is in.
pub fn clear(database: &Database, email_hash: &str) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM sign_in_attempts WHERE email_hash = ?1",
        params![email_hash],
    )
}

/// Index: sign_in_attempts_by_age.
pub fn purge(database: &Database, limits: AttemptLimits, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM sign_in_attempts WHERE at <= ?1",
        params![now.plus_millis(-limits.window_millis)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = SIGN_IN_LIMITS.window_millis;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000 + millis)
    }

    fn guess(database: &Database, n: u128, email: &str, address: &str, millis: i64) -> Admission {
        let guess = Guess {
            email_hash: email,
            address,
        };
        reserve(database, Uuid::from_u128(n), guess, SIGN_IN_LIMITS, at(millis)).unwrap()
    }

    #[test]
    fn the_sixth_guess_waits_until_the_first_is_15_minutes_old() {
        let database = Database::in_memory().unwrap();
        for n in 0..5 {
            assert!(matches!(
                guess(&database, n, "e", "a", 1_000 * i64::try_from(n).unwrap()),
                Admission::Admitted(_)
            ));
        }
        assert_eq!(
            guess(&database, 9, "e", "b", 10_000),
            Admission::Throttled { until: at(WINDOW) }
        );
        assert!(matches!(
            guess(&database, 9, "e", "b", WINDOW + 1),
            Admission::Admitted(_)
        ));
    }

    #[test]
    fn being_refused_does_not_prolong_the_wait() {
        let database = Database::in_memory().unwrap();
        for n in 0..200 {
            guess(&database, n, "e", "a", 0);
        }
        assert!(matches!(
            guess(&database, 300, "e", "a", WINDOW),
            Admission::Admitted(_)
        ));
    }

    #[test]
    fn a_right_password_takes_its_attempt_back_and_a_sign_in_forgets_all() {
        let database = Database::in_memory().unwrap();
        for n in 0..50 {
            let Admission::Admitted(id) = guess(&database, n, "e", "a", 0) else {
                panic!("throttled at {n}")
            };
            release(&database, id).unwrap();
        }
        for n in 0..4 {
            guess(&database, n, "e", "a", 0);
        }
        clear(&database, "e").unwrap();
        for n in 0..5 {
            assert!(matches!(guess(&database, n, "e", "a", 0), Admission::Admitted(_)));
        }
    }

    #[test]
    fn one_address_has_300_guesses_over_all_accounts() {
        let database = Database::in_memory().unwrap();
        for n in 0..300 {
            assert!(matches!(
                guess(&database, n, &n.to_string(), "a", 0),
                Admission::Admitted(_)
            ));
        }
        assert_eq!(
            guess(&database, 300, "new", "a", 5),
            Admission::Throttled { until: at(WINDOW) }
        );
        assert!(matches!(guess(&database, 301, "new", "b", 5), Admission::Admitted(_)));
    }

    #[test]
    fn old_attempts_are_swept_out() {
        let database = Database::in_memory().unwrap();
        guess(&database, 1, "e", "a", 0);
        purge(&database, SIGN_IN_LIMITS, at(WINDOW)).unwrap();
        let left = database.query("SELECT count(*) FROM sign_in_attempts", &[]).unwrap();
        assert_eq!(left[0].get::<i64>(0).unwrap(), 0);
    }
}
