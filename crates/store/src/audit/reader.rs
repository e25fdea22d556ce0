//! Reading the audit log, and proving that nobody changed it.

use nexus_domain::Timestamp;
use nexus_domain::ids::{AuditId, CompanyId, UserId};

use crate::audit::{ChainedEntry, chain_hash};
use crate::filter::Condition;
use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::{Database, Row, StoreError, Value, params};

/// One entry of the log.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: AuditId,
    pub at: Timestamp,
    pub actor_id: Option<UserId>,
    pub action: String,
    pub subject_type: String,
    pub subject_id: String,
    pub company_id: Option<CompanyId>,
    pub ip: String,
    pub request_id: String,
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    /// SHA-256 over the entry and the hash before it.
    pub hash: String,
}

/// The log of a company.
pub static OF_COMPANY: Listing<AuditEntry> = Listing {
    scope: "company_id = ?1",
    total: "(SELECT count(*) FROM audit_log WHERE company_id = ?1)",
    ..ALL
};

/// The whole log, for SUPER_ADMIN.
pub static LISTING: Listing<AuditEntry> = ALL;

const ALL: Listing<AuditEntry> = Listing {
    columns: "id, at, actor_id, action, subject_type, subject_id, company_id, ip, request_id, details, hash",
    from: "audit_log",
    scope: "?1 IS NULL",
    id: "id",
    // Index: audit_log_by_company, or the primary key.
    sorts: &[Sort::by_index("at", "id", SortKind::Id)],
    filters: &[
        Filter::text("action", "action ="),
        Filter::of::<UserId>("actorId", "actor_id ="),
        Filter::text("subjectType", "subject_type ="),
        Filter::text("subjectId", "subject_id ="),
        Filter::text("ip", "ip ="),
        Filter::text("requestId", "request_id ="),
        Filter::ordered::<Timestamp>("at", "at ="),
        // The range once more, by the names that are usual for logs.
        Filter::of::<Timestamp>("from", "at >="),
        Filter::of::<Timestamp>("to", "at <="),
    ],
    search: "action LIKE ?2 ESCAPE '\\' OR subject_type LIKE ?2 ESCAPE '\\' OR subject_id LIKE ?2 ESCAPE '\\' \
             OR request_id LIKE ?2 ESCAPE '\\' OR ip LIKE ?2 ESCAPE '\\'",
    total: "(SELECT count(*) FROM audit_log)",
    read,
};

fn read(row: &Row) -> Result<AuditEntry, StoreError> {
    let details: String = row.get(9)?;
    Ok(AuditEntry {
        id: row.parse(0)?,
        at: row.get(1)?,
        actor_id: row.parse_opt(2)?,
        action: row.get(3)?,
        subject_type: row.get(4)?,
        subject_id: row.get(5)?,
        company_id: row.parse_opt(6)?,
        ip: row.get(7)?,
        request_id: row.get(8)?,
        details: serde_json::from_str(&details).map_err(|_| StoreError::Column { index: 9 })?,
        hash: row.get(10)?,
    })
}

/// One entry of a subject's history, as the staff of its company see it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    pub id: AuditId,
    pub at: Timestamp,
    /// `null`: a job of the system.
    pub actor_id: Option<UserId>,
    /// `null` also where the account was erased.
    pub actor_name: Option<String>,
    /// Subject and act: `apartment.updated`.
    pub action: String,
    /// `changed`: each field that changed, with its value before and after.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// The history of one subject. Its request carries [`of_subject`]. Index: audit_log_by_subject.
pub static HISTORY: Listing<HistoryEntry> = Listing {
    columns: "a.id, a.at, a.actor_id, u.name, a.action, a.details",
    from: "audit_log a LEFT JOIN users u ON u.id = a.actor_id",
    scope: "a.company_id = ?1",
    id: "a.id",
    sorts: &[Sort::by_index("at", "a.id", SortKind::Id)],
    filters: &[
        Filter::text("action", "a.action ="),
        Filter::of::<UserId>("actorId", "a.actor_id ="),
        Filter::ordered::<Timestamp>("at", "a.at ="),
    ],
    search: "a.action LIKE ?2 ESCAPE '\\'",
    total: "(SELECT count(*) FROM audit_log WHERE company_id = ?1)",
    read: read_history,
};

/// Returns the conditions that hold [`HISTORY`] to one subject.
pub fn of_subject(subject_type: &'static str, subject: impl Into<Value>) -> [Condition; 2] {
    [
        ("a.subject_type =", Value::Text(subject_type.to_owned())).into(),
        ("a.subject_id =", subject.into()).into(),
    ]
}

fn read_history(row: &Row) -> Result<HistoryEntry, StoreError> {
    let details: String = row.get(5)?;
    Ok(HistoryEntry {
        id: row.parse(0)?,
        at: row.get(1)?,
        actor_id: row.parse_opt(2)?,
        actor_name: row.get(3)?,
        action: row.get(4)?,
        details: serde_json::from_str(&details).map_err(|_| StoreError::Column { index: 5 })?,
    })
}

/// What the walk through all chains found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditVerification)]
pub struct Verification {
    /// How many entries there are.
    pub entries: i64,
    pub valid: bool,
    /// The first entry that doesn't follow from the one before it.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub first_broken: Option<String>,
}

/// How many entries are held at once.
const STEP: u32 = 1_000;

/// Recomputes every hash of every chain. Index: UNIQUE (chain, position).
pub fn verify(database: &Database) -> Result<Verification, StoreError> {
    let mut found = Verification {
        entries: 0,
        valid: true,
        first_broken: None,
    };
    let (mut chain, mut position, mut before) = (String::new(), 0i64, String::new());
    loop {
        let rows = database.query(
            "SELECT chain, position, id, at, actor_id, action, subject_type, subject_id, company_id, ip, request_id, \
             details, hash FROM audit_log WHERE (chain, position) > (?1, ?2) ORDER BY chain, position LIMIT ?3",
            params![&chain, position, STEP],
        )?;
        if rows.is_empty() {
            return Ok(found);
        }
        for row in &rows {
            let of: String = row.get(0)?;
            if of != chain {
                (chain, position, before) = (of, 0, String::new());
            }
            found.entries += 1;
            let hash: String = row.get(12)?;
            let follows = follows(row, &chain, position, &before, &hash)?;
            if !follows && found.valid {
                found.valid = false;
                found.first_broken = Some(row.get(2)?);
            }
            position = row.get(1)?;
            before = hash;
        }
    }
}

fn follows(row: &Row, chain: &str, after: i64, before: &str, hash: &str) -> Result<bool, StoreError> {
    let position: i64 = row.get(1)?;
    let id: String = row.get(2)?;
    let actor: Option<String> = row.get(4)?;
    let (action, subject_type, subject_id): (String, String, String) = (row.get(5)?, row.get(6)?, row.get(7)?);
    let company: Option<String> = row.get(8)?;
    let (ip, request_id, details): (String, String, String) = (row.get(9)?, row.get(10)?, row.get(11)?);
    let computed = chain_hash(&ChainedEntry {
        before,
        id: &id,
        position,
        at: row.get(3)?,
        actor: actor.as_deref(),
        action: &action,
        subject_type: &subject_type,
        subject_id: &subject_id,
        chain,
        ip: &ip,
        request_id: &request_id,
        details: &details,
    });
    Ok(position == after + 1 && company.unwrap_or_default() == chain && computed == hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{NewAuditEntry, append};
    use crate::listing::{PageRequest, statement};

    fn with_entries(count: u8) -> Database {
        let database = Database::in_memory().unwrap();
        let company = CompanyId::generate(Timestamp::from_millis(1), [9; 10]);
        for n in 1..=count {
            let at = Timestamp::from_millis(i64::from(n) * 1_000);
            let entry = NewAuditEntry {
                id: AuditId::generate(at, [n; 10]),
                at,
                actor: None,
                action: "user.approved",
                subject_type: "user",
                subject_id: "x".into(),
                company: (n % 2 == 0).then_some(company),
                ip: "127.0.0.1",
                request_id: "r",
                details: serde_json::json!({ "n": n }),
            };
            database.transaction(|tx| append(tx, &entry)).unwrap();
        }
        database
    }

    #[test]
    fn an_untouched_log_is_valid() {
        let found = verify(&with_entries(9)).unwrap();
        assert_eq!(
            found,
            Verification {
                entries: 9,
                valid: true,
                first_broken: None
            }
        );
    }

    #[test]
    fn a_history_reads_the_index_of_its_subject() {
        let database = Database::in_memory().unwrap();
        let request = PageRequest {
            company: Some(CompanyId::generate(Timestamp::from_millis(1), [9; 10])),
            filters: of_subject("apartment", "x".to_owned()).to_vec(),
            search: None,
            sort: &HISTORY.sorts[0],
            descending: true,
            after: Some((Value::Null, "y".to_owned())),
            limit: 20,
            with_total: true,
        };
        let sql = format!("EXPLAIN QUERY PLAN {}", statement(&HISTORY, &request));
        let steps = database.query(&sql, &vec![Value::Null; 7]).unwrap();
        let plan: Vec<String> = steps.iter().map(|row| row.get(3).unwrap()).collect();
        let log: Vec<_> = plan.iter().filter(|step| step.contains(" a ")).collect();
        assert!(
            !log.is_empty() && log.iter().all(|step| step.contains("audit_log_by_subject")),
            "{plan:#?}"
        );
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    }

    #[test]
    fn the_database_refuses_to_change_or_delete_an_entry() {
        let database = with_entries(1);
        for sql in ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"] {
            assert!(
                database.execute(sql, &[]).unwrap_err().is_refused("AUDIT_APPEND_ONLY"),
                "{sql}"
            );
        }
    }

    #[test]
    fn whoever_gets_around_that_is_found_out() {
        for tamper in [
            "UPDATE audit_log SET details = '{\"n\":99}' WHERE position = 2 AND chain = ''",
            "UPDATE audit_log SET actor_id = 'somebody' WHERE position = 2 AND chain = ''",
            "UPDATE audit_log SET company_id = NULL WHERE position = 2 AND chain <> ''",
            "DELETE FROM audit_log WHERE position = 2 AND chain = ''",
        ] {
            let database = with_entries(9);
            database.execute("DROP TRIGGER audit_log_is_not_changed", &[]).unwrap();
            database.execute("DROP TRIGGER audit_log_is_not_deleted", &[]).unwrap();
            database.execute(tamper, &[]).unwrap();
            let found = verify(&database).unwrap();
            assert!(!found.valid && found.first_broken.is_some(), "{tamper}");
        }
    }
}
