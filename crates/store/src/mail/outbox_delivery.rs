//! The outbox from the side that empties it: rows are leased, sent, and settled.

use nexus_domain::Timestamp;
use nexus_domain::ids::{CompanyId, MailId};
use nexus_domain::mail::{self, Breaker, Outcome};
use serde_json::json;

use crate::{Database, Row, StoreError, Transaction, params};

/// After this, a row whose holder is gone may be taken by another.
pub const LEASE_SECONDS: i64 = 15;

/// A mail in our hands until the lease runs out.
#[derive(Debug, Clone)]
pub struct LeasedMail {
    pub id: MailId,
    pub company: Option<CompanyId>,
    pub recipient: String,
    pub recipient_name: String,
    pub template: String,
    pub locale: String,
    pub params: String,
    pub sealed: Option<Vec<u8>>,
    /// This one included.
    pub attempts: u32,
    pub expires_at: Timestamp,
    /// Nothing is sent to this address any more.
    pub suppressed: bool,
    /// The company's own look, a JSON object.
    pub branding: String,
    /// Nobody has shown yet that the address belongs to the person: whoever typed it chose the name too.
    pub address_is_unproven: bool,
    /// Whose it is, and until when.
    pub lease_token: String,
    pub lease_until: Timestamp,
}

impl LeasedMail {
    /// How the mail addresses its reader; empty where it does without a name.
    pub fn name_to_show(&self) -> String {
        match self.address_is_unproven {
            true => String::new(),
            false => mail::name_to_show(&self.recipient_name),
        }
    }
}

/// What came of a leased mail.
#[derive(Debug, Clone)]
pub struct Settled {
    pub id: MailId,
    /// Of the lease under which it was sent.
    pub lease_token: String,
    pub fate: Fate,
}

#[derive(Debug, Clone)]
pub enum Fate {
    /// The provider has it. `kept`: what the development mailbox shows.
    Sent {
        message_id: Option<String>,
        kept: Option<Rendered>,
    },
    Retry {
        at: Timestamp,
        reason: String,
    },
    /// Given up.
    Dead {
        reason: String,
    },
    Suppressed,
}

/// A mail as it looks.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Whether there is anything to deliver; asked before anything is locked.
pub fn is_due(database: &Database, now: Timestamp) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_due \
           WHERE status IN ('PENDING', 'SENDING') AND next_attempt_at <= ?1) \
         OR EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_expiring \
           WHERE status IN ('PENDING', 'SENDING') AND expires_at <= ?1)",
        params![now],
    )?;
    row.map_or(Ok(false), |row| row.get(0))
}

/// What one turn of the drain needs to know.
#[derive(Debug, Clone)]
pub struct Turn<'a> {
    /// Asked once the write lock is there: a lease must not run while it is waited for.
    pub clock: fn() -> Timestamp,
    /// Names this drain among all that may run.
    pub token: &'a str,
    /// How many more mails it can take.
    pub room: u32,
}

/// Writes down what came of some mails and takes others, in one commit.
pub fn settle_and_lease(
    database: &Database,
    settled: &[Settled],
    outcomes: &[Outcome],
    turn: &Turn<'_>,
) -> Result<Vec<LeasedMail>, StoreError> {
    database.transaction(|tx| {
        let now = (turn.clock)();
        settle(tx, settled, now)?;
        let before = breaker(tx)?;
        let after = outcomes
            .iter()
            .fold(before, |breaker, outcome| breaker.after(outcome, now));
        let (admitted, probing) = after.admit(turn.room, now);
        let leased = if admitted == 0 {
            Vec::new()
        } else {
            lease(tx, admitted, turn.token, now)?
        };
        // A probe that found nothing to send was none.
        let kept = if leased.is_empty() { after } else { probing };
        if kept != before {
            tx.execute(
                "UPDATE mail_breaker SET failures_in_a_row = ?1, opened_at = ?2, next_probe_at = ?3 WHERE one = 1",
                params![kept.failures_in_a_row, kept.opened_at, kept.next_probe_at],
            )?;
        }
        Ok(leased)
    })
}

pub fn breaker(database: &Database) -> Result<Breaker, StoreError> {
    let row = database.query_opt(
        "SELECT failures_in_a_row, opened_at, next_probe_at FROM mail_breaker WHERE one = 1",
        &[],
    )?;
    row.map_or(Ok(Breaker::default()), |row| {
        Ok(Breaker {
            failures_in_a_row: row.get(0)?,
            opened_at: row.get(1)?,
            next_probe_at: row.get(2)?,
        })
    })
}

/// `INDEXED BY`: the planner would rather sort all that waits than walk the due ones in order, and with thousands
/// waiting that is the difference between one and three digits of milliseconds.
const DUE: &str = "SELECT o.id, o.company_id, o.recipient, o.recipient_name, o.template, o.locale, o.params, o.sealed, \
     o.attempts + 1, o.expires_at, s.recipient_key IS NOT NULL, coalesce(c.branding, '{}'), o.position, \
     coalesce(u.email_verified = 0 OR u.email <> o.recipient, 0) \
     FROM outbox o INDEXED BY outbox_due \
     LEFT JOIN mail_suppressions s ON s.recipient_key = o.recipient_key \
     LEFT JOIN users u ON u.id = o.user_id \
     LEFT JOIN companies c ON c.id = o.company_id \
     WHERE o.status IN ('PENDING', 'SENDING') AND o.next_attempt_at <= ?1 \
     AND (o.lease_until IS NULL OR o.lease_until <= ?1) \
     AND NOT EXISTS (SELECT 1 FROM outbox e INDEXED BY outbox_waiting_by_recipient \
       WHERE e.recipient_key = o.recipient_key AND e.position < o.position AND e.status IN ('PENDING', 'SENDING')) \
     ORDER BY o.next_attempt_at, o.position LIMIT ?2";

fn lease(tx: &Transaction<'_>, most: u32, token: &str, now: Timestamp) -> Result<Vec<LeasedMail>, StoreError> {
    tx.execute(
        // An expired one-time code is of no use to anybody, so its secret goes too.
        "UPDATE outbox INDEXED BY outbox_expiring SET status = 'FAILED', \
         last_error = coalesce(last_error || '; ', '') || 'not delivered in time', \
         sealed = NULL, lease_until = NULL, lease_token = NULL \
         WHERE status IN ('PENDING', 'SENDING') AND expires_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)",
        params![now],
    )?;
    // A mail waits while an earlier one to the same address does.
    let rows = tx.query(DUE, params![now, most])?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let positions = rows
        .iter()
        .map(|row| row.get::<i64>(12))
        .collect::<Result<Vec<_>, _>>()?;
    let until = now.plus_seconds(LEASE_SECONDS);
    tx.execute(
        "UPDATE outbox SET status = 'SENDING', lease_until = ?1, lease_token = ?2, attempts = attempts + 1 \
         WHERE position IN (SELECT value FROM json_each(?3))",
        params![until, token, json!(positions).to_string()],
    )?;
    rows.iter().map(|row| read_leased(row, token, until)).collect()
}

fn read_leased(row: &Row, token: &str, until: Timestamp) -> Result<LeasedMail, StoreError> {
    Ok(LeasedMail {
        id: row.parse(0)?,
        company: row.parse_opt(1)?,
        recipient: row.get(2)?,
        recipient_name: row.get(3)?,
        template: row.get(4)?,
        locale: row.get(5)?,
        params: row.get(6)?,
        sealed: row.get(7)?,
        attempts: row.get(8)?,
        expires_at: row.get(9)?,
        suppressed: row.get(10)?,
        branding: row.get(11)?,
        address_is_unproven: row.get(13)?,
        lease_token: token.to_owned(),
        lease_until: until,
    })
}

/// One statement for each kind of fate, however many rows.
fn settle(tx: &Transaction<'_>, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
    let (mut sent, mut failed) = (Vec::new(), Vec::new());
    for one in settled {
        match &one.fate {
            Fate::Sent { message_id, kept } => {
                let kept = kept.as_ref();
                sent.push(json!([
                    one.id,
                    message_id,
                    kept.map(|kept| &kept.subject),
                    kept.map(|kept| &kept.text),
                    kept.map(|kept| &kept.html)
                ]));
            }
            Fate::Retry { at, reason } => {
                failed.push(json!([one.id, "PENDING", at.as_millis(), reason, one.lease_token]));
            }
            Fate::Dead { reason } => failed.push(json!([one.id, "FAILED", null, reason, one.lease_token])),
            Fate::Suppressed => {
                failed.push(json!([
                    one.id,
                    "SUPPRESSED",
                    null,
                    "the address is suppressed",
                    one.lease_token
                ]));
            }
        }
    }
    if !sent.is_empty() {
        // Sent is sent, whoever holds the lease by now; and the secret has served.
        tx.execute(
            "UPDATE outbox SET status = 'SENT', sent_at = ?1, provider_message_id = j.value ->> 1, subject = j.value ->> 2, \
             text_body = j.value ->> 3, html_body = j.value ->> 4, sealed = NULL, last_error = NULL, lease_until = NULL, \
             lease_token = NULL FROM json_each(?2) j WHERE outbox.id = j.value ->> 0 AND status <> 'SENT'",
            params![now, serde_json::Value::from(sent).to_string()],
        )?;
    }
    if !failed.is_empty() {
        tx.execute(
            "UPDATE outbox SET status = j.value ->> 1, next_attempt_at = coalesce(j.value ->> 2, next_attempt_at), \
             last_error = j.value ->> 3, lease_until = NULL, lease_token = NULL \
             FROM json_each(?1) j WHERE outbox.id = j.value ->> 0 AND status = 'SENDING' \
             AND lease_token = j.value ->> 4",
            params![serde_json::Value::from(failed).to_string()],
        )?;
    }
    Ok(())
}

/// Wipes the secrets of mails that were given up long ago: what they hold has expired by then.
pub fn wipe_old_secrets(database: &Database, before: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "UPDATE outbox SET sealed = NULL WHERE status IN ('FAILED', 'SUPPRESSED') AND sealed IS NOT NULL AND created_at < ?1",
        params![before],
    )
}

/// A mail of the development mailbox.
#[derive(Debug, Clone)]
pub struct MailboxItem {
    pub id: MailId,
    pub to: String,
    pub template: String,
    pub at: Timestamp,
    pub rendered: Rendered,
}

/// The newest first. Index: outbox_mailbox.
pub fn mailbox(database: &Database, most: u32) -> Result<Vec<MailboxItem>, StoreError> {
    database
        .query(
            "SELECT id, recipient, template, sent_at, subject, text_body, html_body FROM outbox \
             WHERE text_body IS NOT NULL ORDER BY position DESC LIMIT ?1",
            params![most],
        )?
        .iter()
        .map(read_mailbox)
        .collect()
}

pub fn mailbox_item(database: &Database, mail: MailId) -> Result<Option<MailboxItem>, StoreError> {
    database
        .query_opt(
            "SELECT id, recipient, template, sent_at, subject, text_body, html_body FROM outbox \
             WHERE id = ?1 AND text_body IS NOT NULL",
            params![mail],
        )?
        .as_ref()
        .map(read_mailbox)
        .transpose()
}

fn read_mailbox(row: &Row) -> Result<MailboxItem, StoreError> {
    Ok(MailboxItem {
        id: row.parse(0)?,
        to: row.get(1)?,
        template: row.get(2)?,
        at: row.get(3)?,
        rendered: Rendered {
            subject: row.get(4)?,
            text: row.get(5)?,
            html: row.get(6)?,
        },
    })
}

/// How the outbox stands, for health checks.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    pub waiting: i64,
    pub oldest: Option<Timestamp>,
}

pub fn backlog(database: &Database) -> Result<Backlog, StoreError> {
    let row = database.query_opt(
        "SELECT count(*), min(created_at) FROM outbox WHERE status IN ('PENDING', 'SENDING')",
        &[],
    )?;
    row.map_or(
        Ok(Backlog {
            waiting: 0,
            oldest: None,
        }),
        |row| {
            Ok(Backlog {
                waiting: row.get(0)?,
                oldest: row.get(1)?,
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_found_in_order_without_sorting_all_that_waits() {
        let database = Database::in_memory().unwrap();
        let plan = database
            .query(&format!("EXPLAIN QUERY PLAN {DUE}"), params![0, 1])
            .unwrap()
            .iter()
            .map(|row| row.get::<String>(3).unwrap())
            .collect::<Vec<_>>()
            .join("; ");
        assert!(
            plan.contains("outbox_due") && plan.contains("outbox_waiting_by_recipient"),
            "{plan}"
        );
        assert!(
            !plan.contains("TEMP B-TREE")
                && !plan.contains("SCAN s")
                && !plan.contains("SCAN c")
                && !plan.contains("SCAN u"),
            "{plan}"
        );
    }
}
