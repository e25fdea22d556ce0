//! Verification cases and the decisions on them. Each decision is one transaction: the case, its documents, the
//! person, the history, the audit entry and the mail commit together.

use nexus_domain::ids::{AuditId, CompanyId, DocumentId, NotificationId, UserId};
use nexus_domain::mail::Template;
use nexus_domain::page::Sort;
use nexus_domain::status::{UserStatus, VerificationStatus};
use nexus_domain::{Role, Timestamp};
use serde_json::json;
use thiserror::Error;
use uuid::Uuid;

use crate::audit::{self, NewAuditEntry};
use crate::documents::{self, NewDocument, StoredDocument};
use crate::notifications::{self, Notification};
use crate::outbox::{self, NewMail};
use crate::users::{self, UserRecord};
use crate::{Database, Row, StoreError, Transaction, Value, params};

/// A case with the person it is about.
#[derive(Debug, Clone)]
pub struct Case {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub company_id: Option<CompanyId>,
    pub submitted_at: Timestamp,
    pub status: VerificationStatus,
    pub documents: Vec<StoredDocument>,
}

/// Which cases, in which order, from where on.
#[derive(Debug, Clone)]
pub struct CaseList {
    /// `None`: of every company and of none.
    pub scope: Option<CompanyId>,
    pub status: Option<VerificationStatus>,
    pub search: Option<String>,
    /// By `submittedAt`.
    pub sort: Sort,
    pub after: Option<(i64, UserId)>,
    pub limit: u32,
}

macro_rules! case_columns {
    () => {
        "c.user_id, u.email, u.name, u.role, u.company_id, c.submitted_at, c.status, \
         (SELECT json_group_array(json_array(d.id, d.type, d.file_name, d.content_type, d.size, d.verification_status, \
            d.created_at, d.verified_at, d.verified_by) ORDER BY d.id) FROM documents d WHERE d.user_id = c.user_id)"
    };
}

macro_rules! case_list {
    ($scope:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "SELECT ",
            case_columns!(),
            " FROM verification_cases c JOIN users u ON u.id = c.user_id WHERE ",
            $scope,
            " AND (?2 IS NULL OR c.status = ?2)",
            " AND (?3 IS NULL OR lower(u.name) LIKE ?3 ESCAPE '\\' OR u.email_key LIKE ?3 ESCAPE '\\')",
            " AND (?4 IS NULL OR (c.submitted_at, c.user_id) ",
            $beyond,
            " (?4, ?5))",
            " ORDER BY c.submitted_at ",
            $direction,
            ", c.user_id ",
            $direction,
            " LIMIT ?6"
        )
    };
}

/// Indexes: verification_cases_by_company, verification_cases_by_time.
pub fn list(database: &Database, list: &CaseList) -> Result<Vec<Case>, StoreError> {
    let sql = match (list.scope.is_some(), list.sort.descending) {
        (true, false) => case_list!("c.company_id = ?1", ">", "ASC"),
        (true, true) => case_list!("c.company_id = ?1", "<", "DESC"),
        (false, false) => case_list!("?1 IS NULL", ">", "ASC"),
        (false, true) => case_list!("?1 IS NULL", "<", "DESC"),
    };
    let (after, after_id) = list.after.unzip();
    database
        .query(
            sql,
            params![
                list.scope,
                list.status,
                list.search.as_deref(),
                after,
                after_id,
                list.limit
            ],
        )?
        .iter()
        .map(read_case)
        .collect()
}

pub fn count(database: &Database, list: &CaseList) -> Result<i64, StoreError> {
    let row = database.query_opt(
        "SELECT count(*) FROM verification_cases c JOIN users u ON u.id = c.user_id \
         WHERE (?1 IS NULL OR c.company_id = ?1) AND (?2 IS NULL OR c.status = ?2) \
         AND (?3 IS NULL OR lower(u.name) LIKE ?3 ESCAPE '\\' OR u.email_key LIKE ?3 ESCAPE '\\')",
        params![list.scope, list.status, list.search.as_deref()],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Somebody's case, if it is in scope.
pub fn find(database: &Database, user: UserId, scope: Option<CompanyId>) -> Result<Option<Case>, StoreError> {
    database
        .query_opt(
            concat!(
                "SELECT ",
                case_columns!(),
                " FROM verification_cases c JOIN users u ON u.id = c.user_id ",
                "WHERE c.user_id = ?1 AND (?2 IS NULL OR c.company_id = ?2)"
            ),
            params![user, scope],
        )?
        .as_ref()
        .map(read_case)
        .transpose()
}

fn read_case(row: &Row) -> Result<Case, StoreError> {
    let documents: String = row.get(7)?;
    let documents: Vec<Vec<serde_json::Value>> =
        serde_json::from_str(&documents).map_err(|_| StoreError::Column { index: 7 })?;
    Ok(Case {
        user_id: row.parse(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        role: row.parse(3)?,
        company_id: row.parse_opt(4)?,
        submitted_at: row.get(5)?,
        status: row.parse(6)?,
        documents: documents
            .into_iter()
            .map(|columns| documents::read(&Row(columns.into_iter().map(from_json).collect()), 0))
            .collect::<Result<_, _>>()?,
    })
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Number(number) => number.as_i64().map_or(Value::Null, Value::Integer),
        _ => Value::Null,
    }
}

/// One decision of the past.
#[derive(Debug, Clone)]
pub struct PastDecision {
    pub at: Timestamp,
    pub by: UserId,
    pub decision: VerificationStatus,
    pub reason: Option<String>,
}

/// The earliest first. Index: verification_decisions_by_user.
pub fn decisions(database: &Database, user: UserId) -> Result<Vec<PastDecision>, StoreError> {
    database
        .query(
            "SELECT at, decided_by, decision, reason FROM verification_decisions WHERE user_id = ?1 ORDER BY id",
            params![user],
        )?
        .iter()
        .map(|row| {
            Ok(PastDecision {
                at: row.get(0)?,
                by: row.parse(1)?,
                decision: row.parse(2)?,
                reason: row.get(3)?,
            })
        })
        .collect()
}

/// How a case stands, for whoever holds its link.
#[derive(Debug, Clone)]
pub struct CaseState {
    pub status: VerificationStatus,
    pub submitted_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub reason: Option<String>,
}

pub fn state(database: &Database, user: UserId) -> Result<Option<CaseState>, StoreError> {
    database
        .query_opt(
            "SELECT status, submitted_at, decided_at, reason FROM verification_cases WHERE user_id = ?1",
            params![user],
        )?
        .map(|row| {
            Ok(CaseState {
                status: row.parse(0)?,
                submitted_at: row.get(1)?,
                decided_at: row.get(2)?,
                reason: row.get(3)?,
            })
        })
        .transpose()
}

/// Why a case could not be decided.
#[derive(Debug, Error)]
pub enum DecisionError {
    #[error("there is no such case in the admin's scope")]
    NoCase,
    #[error("the case is decided already")]
    AlreadyDecided,
    #[error("there are no documents to decide on")]
    NoDocuments,
    #[error("there is no such company")]
    NoCompany,
    /// Banned, suspended or deleted meanwhile.
    #[error("the account is not waiting for verification")]
    NotPending,
    #[error("the decision would leave a person of staff without a company")]
    CompanyNeeded,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who decides, when, from where.
#[derive(Debug, Clone)]
pub struct Decider<'a> {
    pub by: UserId,
    pub scope: Option<CompanyId>,
    pub at: Timestamp,
    pub ip: &'a str,
    pub request_id: &'a str,
    pub audit_id: AuditId,
    pub decision_id: Uuid,
    pub notification_id: NotificationId,
}

/// The mail of a decision; the recipient is found with the case.
#[derive(Debug, Clone)]
pub struct DecisionMail {
    pub id: nexus_domain::ids::MailId,
    pub params: serde_json::Value,
    pub sealed: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Approval<'a> {
    pub role: Option<Role>,
    pub company: Option<CompanyId>,
    pub password_hash: &'a str,
    pub password_expires_at: Timestamp,
    pub mail: DecisionMail,
}

#[derive(Debug, Clone)]
pub struct Rejection<'a> {
    pub reason: &'a str,
    pub link_hash: &'a str,
    pub link_expires_at: Timestamp,
    pub mail: DecisionMail,
}

/// The person and their documents after a decision.
#[derive(Debug, Clone)]
pub struct Decided {
    pub user: UserRecord,
    pub documents: Vec<StoredDocument>,
    /// What was written down for them to be told.
    pub notification: Notification,
}

/// Whether a decision can be taken, looked at before the expensive part of it. The decision itself looks again.
pub fn check_open(database: &Database, user: UserId, scope: Option<CompanyId>) -> Result<Case, DecisionError> {
    let case = find(database, user, scope)?.ok_or(DecisionError::NoCase)?;
    if case.status != VerificationStatus::Pending {
        return Err(DecisionError::AlreadyDecided);
    }
    Ok(case)
}

/// Lets a person in. `and_then` runs in the same transaction, last.
pub fn approve(
    database: &Database,
    user: UserId,
    decider: &Decider<'_>,
    approval: &Approval<'_>,
    and_then: impl FnOnce(&Transaction<'_>, &Decided) -> Result<(), StoreError>,
) -> Result<Decided, DecisionError> {
    database.transaction(|tx| {
        let case = check_open(tx, user, decider.scope)?;
        if !case.documents.iter().any(|document| document.verification_status == VerificationStatus::Pending) {
            return Err(DecisionError::NoDocuments);
        }
        let company = approval.company.or(case.company_id);
        if let Some(company) = approval.company {
            tx.query_opt("SELECT 1 FROM companies WHERE id = ?1", params![company])?.ok_or(DecisionError::NoCompany)?;
        }
        let role = approval.role.unwrap_or(case.role);
        if company.is_none() && matches!(role, Role::Manager | Role::Admin) {
            return Err(DecisionError::CompanyNeeded);
        }
        close(tx, user, decider, VerificationStatus::Approved, None)?;
        let changed = tx.query_opt(
            "UPDATE users SET status = 'ACTIVE', role = ?2, company_id = ?3, password_hash = ?4, must_change_password = 1, \
             temporary_password_expires_at = ?5, document_verified = 1, updated_at = ?6, version = version + 1 \
             WHERE id = ?1 AND status = 'PENDING' RETURNING 1",
            params![user, role, company, approval.password_hash, approval.password_expires_at, decider.at],
        )?;
        changed.ok_or(DecisionError::NotPending)?;
        tx.execute("DELETE FROM document_links WHERE user_id = ?1", params![user])?;
        let decided = finish(tx, user, decider, Template::AccountApproved, &approval.mail, json!({
            "role": role,
            "roleBefore": case.role,
        }))?;
        and_then(tx, &decided)?;
        Ok(decided)
    })
}

/// Turns a case down, with a link by which the person may hand in other documents.
pub fn reject(
    database: &Database,
    user: UserId,
    decider: &Decider<'_>,
    rejection: &Rejection<'_>,
    and_then: impl FnOnce(&Transaction<'_>, &Decided) -> Result<(), StoreError>,
) -> Result<Decided, DecisionError> {
    database.transaction(|tx| {
        check_open(tx, user, decider.scope)?;
        close(tx, user, decider, VerificationStatus::Rejected, Some(rejection.reason))?;
        documents::insert_link(tx, rejection.link_hash, user, decider.at, rejection.link_expires_at)?;
        let details = json!({ "reason": rejection.reason });
        let decided = finish(tx, user, decider, Template::DocumentsRejected, &rejection.mail, details)?;
        and_then(tx, &decided)?;
        Ok(decided)
    })
}

/// The case and its documents. Of two decisions, the one that finds the case pending wins.
fn close(
    tx: &Transaction<'_>,
    user: UserId,
    decider: &Decider<'_>,
    status: VerificationStatus,
    reason: Option<&str>,
) -> Result<(), DecisionError> {
    tx.query_opt(
        "UPDATE verification_cases SET status = ?2, decided_at = ?3, decided_by = ?4, reason = ?5 \
         WHERE user_id = ?1 AND status = 'PENDING' RETURNING 1",
        params![user, status, decider.at, decider.by, reason],
    )?
    .ok_or(DecisionError::AlreadyDecided)?;
    tx.execute(
        "UPDATE documents SET verification_status = ?2, verified_at = ?3, verified_by = ?4 \
         WHERE user_id = ?1 AND verification_status = 'PENDING'",
        params![user, status, decider.at, decider.by],
    )?;
    tx.execute(
        "INSERT INTO verification_decisions (id, user_id, at, decided_by, decision, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![decider.decision_id, user, decider.at, decider.by, status, reason],
    )?;
    Ok(())
}

/// What every decision ends with: the audit entry, the mail, and how things stand now.
fn finish(
    tx: &Transaction<'_>,
    user: UserId,
    decider: &Decider<'_>,
    template: Template,
    mail: &DecisionMail,
    details: serde_json::Value,
) -> Result<Decided, DecisionError> {
    let person = users::by_id(tx, user)?.ok_or(DecisionError::NoCase)?;
    let action = if person.status == UserStatus::Active {
        "user.approved"
    } else {
        "user.rejected"
    };
    let documents = documents::by_user(tx, user)?;
    audit::append(
        tx,
        &NewAuditEntry {
            id: decider.audit_id,
            at: decider.at,
            actor: Some(decider.by),
            action,
            subject_type: "user",
            subject_id: user.to_string(),
            company: person.company_id,
            ip: decider.ip,
            request_id: decider.request_id,
            details,
        },
    )?;
    outbox::enqueue(
        tx,
        &NewMail {
            id: mail.id,
            company: person.company_id,
            user: Some(user),
            recipient: &person.email,
            recipient_name: &person.name,
            template: template.as_str(),
            locale: &person.locale,
            params: mail.params.clone(),
            sealed: Some(mail.sealed.clone()),
            now: decider.at,
            expires_at: decider.at.plus_seconds(nexus_domain::mail::PATIENCE_SECONDS),
        },
    )?;
    let notification = notification(user, decider, person.status == UserStatus::Active);
    notifications::insert(tx, &notification)?;
    Ok(Decided {
        user: person,
        documents,
        notification,
    })
}

fn notification(user: UserId, decider: &Decider<'_>, approved: bool) -> Notification {
    let (kind, title, body) = if approved {
        (
            "DOCUMENTS_APPROVED",
            "Your documents are approved",
            "Your account is open.",
        )
    } else {
        (
            "DOCUMENTS_REJECTED",
            "Your documents were not accepted",
            "The mail we sent you says why and what to do.",
        )
    };
    Notification {
        id: decider.notification_id,
        user_id: user,
        kind: kind.to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        link: Some("/documents".to_owned()),
        created_at: decider.at,
        read_at: None,
    }
}

/// Takes documents for a case that was rejected, or that waits without any; it is pending (again) afterwards.
pub fn resubmit(
    database: &Database,
    user: UserId,
    new: &[NewDocument],
    entry: &NewAuditEntry<'_>,
) -> Result<(), DecisionError> {
    database.transaction(|tx| {
        let row = tx
            .query_opt(
                "SELECT c.status, c.company_id, (SELECT count(*) FROM documents d WHERE d.user_id = c.user_id AND \
                 d.verification_status = 'PENDING') FROM verification_cases c JOIN users u ON u.id = c.user_id \
                 WHERE c.user_id = ?1 AND u.status = 'PENDING'",
                params![user],
            )?
            .ok_or(DecisionError::NoCase)?;
        let waiting: i64 = row.get(2)?;
        match row.parse::<VerificationStatus>(0)? {
            VerificationStatus::Approved => return Err(DecisionError::AlreadyDecided),
            // What lies there is being looked at; a second heap would be decided on unseen.
            VerificationStatus::Pending if waiting > 0 => return Err(DecisionError::NotPending),
            VerificationStatus::Pending | VerificationStatus::Rejected => {}
        }
        tx.execute(
            "UPDATE verification_cases SET status = 'PENDING', submitted_at = ?2, decided_at = NULL, decided_by = NULL, \
             reason = NULL WHERE user_id = ?1",
            params![user, entry.at],
        )?;
        documents::insert(tx, user, new, entry.at)?;
        audit::append(tx, &NewAuditEntry { company: row.parse_opt(1)?, ..entry.clone() })?;
        Ok(())
    })
}

/// Writes down that somebody looked at a document.
pub fn record_look(database: &Database, entry: &NewAuditEntry<'_>, document: DocumentId) -> Result<(), StoreError> {
    database.transaction(|tx| {
        audit::append(
            tx,
            &NewAuditEntry {
                subject_type: "document",
                subject_id: document.to_string(),
                ..entry.clone()
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Barrier;

    use nexus_domain::EmailAddress;
    use nexus_domain::document::DocumentType;
    use nexus_domain::ids::MailId;

    use super::*;
    use crate::users::NewUser;

    fn with_case(path: &Path) -> (UserId, UserId) {
        let database = Database::open_file(path).unwrap();
        let now = Timestamp::from_millis(1_000);
        let [user, admin] = [1u8, 2].map(|n| {
            let id = UserId::generate(now, [n; 10]);
            let email: EmailAddress = format!("u{n}@example.org").parse().unwrap();
            let new = NewUser {
                id,
                email: &email,
                name: "A",
                role: Role::Student,
                company: None,
                status: UserStatus::Pending,
                password_hash: "none",
                email_verified: true,
                document_verified: false,
                locale: "en",
                now,
            };
            users::insert(&database, &new).unwrap();
            id
        });
        let document = NewDocument {
            id: DocumentId::generate(now, [3; 10]),
            kind: DocumentType::Passport,
            file_name: "p.pdf".into(),
            content_type: "application/pdf".into(),
            size: 1,
            blob_key: "k".into(),
        };
        let opened: Result<(), StoreError> =
            database.transaction(|tx| documents::insert_case(tx, user, &[document], now));
        opened.unwrap();
        (user, admin)
    }

    fn decide(path: &Path, user: UserId, admin: UserId, n: u8) -> Result<Decided, DecisionError> {
        let database = Database::open_file(path)?;
        let at = Timestamp::from_millis(2_000);
        let id = [n; 10];
        let decider = Decider {
            by: admin,
            scope: None,
            at,
            ip: "",
            request_id: "",
            audit_id: AuditId::generate(at, id),
            decision_id: nexus_domain::ids::uuid_v7(at, id),
            notification_id: NotificationId::generate(at, id),
        };
        let mail = DecisionMail {
            id: MailId::generate(at, id),
            params: json!({}),
            sealed: vec![0],
        };
        if n % 2 == 0 {
            let approval = Approval {
                role: None,
                company: None,
                password_hash: "h",
                password_expires_at: at,
                mail,
            };
            approve(&database, user, &decider, &approval, |_, _| Ok(()))
        } else {
            let hash = n.to_string();
            let rejection = Rejection {
                reason: "r",
                link_hash: &hash,
                link_expires_at: at,
                mail,
            };
            reject(&database, user, &decider, &rejection, |_, _| Ok(()))
        }
    }

    #[test]
    fn of_sixty_four_decisions_at_once_exactly_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.db");
        let (user, admin) = with_case(&path);
        let start = Barrier::new(64);
        let results: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..64u8)
                .map(|n| {
                    let (path, start) = (&path, &start);
                    scope.spawn(move || {
                        start.wait();
                        decide(path, user, admin, n)
                    })
                })
                .collect();
            running.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let won = results.iter().filter(|result| result.is_ok()).count();
        let lost = results
            .iter()
            .filter(|result| matches!(result, Err(DecisionError::AlreadyDecided)))
            .count();
        assert_eq!((won, lost), (1, 63), "{results:?}");
        let database = Database::open_file(&path).unwrap();
        for table in ["outbox", "audit_log", "verification_decisions", "notifications"] {
            let rows = database.query(&format!("SELECT count(*) FROM {table}"), &[]).unwrap();
            assert_eq!(rows[0].get::<i64>(0).unwrap(), 1, "{table}");
        }
    }

    #[test]
    fn whatever_fails_last_takes_everything_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.db");
        let (user, admin) = with_case(&path);
        let database = Database::open_file(&path).unwrap();
        // The id of the mail is taken: the last insert of a decision fails.
        decide(&path, user, admin, 2).unwrap();
        database
            .execute("UPDATE verification_cases SET status = 'PENDING'", &[])
            .unwrap();
        database
            .execute("UPDATE documents SET verification_status = 'PENDING'", &[])
            .unwrap();
        database.execute("UPDATE users SET status = 'PENDING'", &[]).unwrap();
        assert!(matches!(
            decide(&path, user, admin, 2),
            Err(DecisionError::Store(StoreError::NotUnique { .. }))
        ));
        let case = find(&database, user, None).unwrap().unwrap();
        assert_eq!(case.status, VerificationStatus::Pending);
        assert_eq!(case.documents[0].verification_status, VerificationStatus::Pending);
    }
}
