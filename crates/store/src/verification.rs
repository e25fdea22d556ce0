//! Verification cases and the decisions on them. Each decision is one transaction: the case, its documents, the
//! person, the history, the audit entry and the mail commit together.

use nexus_domain::ids::{CompanyId, DocumentId, UserId};
use nexus_domain::page::Sort;
use nexus_domain::status::VerificationStatus;
use nexus_domain::{Role, Timestamp};

use self::documents::StoredDocument;
use crate::audit::{self, NewAuditEntry};
use crate::{Database, Row, StoreError, Value, params};

mod decision;
pub mod documents;
pub use decision::{
    Approval, Decided, Decider, DecisionError, DecisionMail, Rejection, approve, check_open, reject, resubmit,
};

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

/// `ORDER BY` stands in a subquery: inside an aggregate, a libSQL server's parser doesn't know it.
macro_rules! case_columns {
    () => {
        "c.user_id, u.email, u.name, u.role, u.company_id, c.submitted_at, c.status, \
         (SELECT json_group_array(json(d.document)) FROM (SELECT json_array(id, type, file_name, content_type, size, \
            verification_status, created_at, verified_at, verified_by) AS document FROM documents \
            WHERE user_id = c.user_id ORDER BY id) d)"
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
            " AND (?3 IS NULL OR u.name_folded LIKE ?3 ESCAPE '\\' OR u.email_folded LIKE ?3 ESCAPE '\\')",
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
         AND (?3 IS NULL OR u.name_folded LIKE ?3 ESCAPE '\\' OR u.email_folded LIKE ?3 ESCAPE '\\')",
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
mod tests;
