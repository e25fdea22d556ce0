//! Decisions on verification cases. Each is one transaction.

use super::{Case, find};
use crate::audit::{self, NewAuditEntry};
use crate::chat::notifications::{self, Notification};
use crate::identity::users::{self, UserRecord};
use crate::mail::outbox::{self, NewMail};
use crate::verification::documents::{self, NewDocument, StoredDocument};
use crate::{Database, StoreError, Transaction, params};
use nexus_domain::ids::{AuditId, CompanyId, NotificationId, UserId};
use nexus_domain::mail::Template;
use nexus_domain::notification_kind::NotificationKind;
use nexus_domain::status::{UserStatus, VerificationStatus};
use nexus_domain::{Role, Timestamp};
use serde_json::json;
use thiserror::Error;
use uuid::Uuid;

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

/// Whether there is something to decide on: the case is open, and documents wait in it.
fn check_decidable(tx: &Transaction<'_>, user: UserId, scope: Option<CompanyId>) -> Result<Case, DecisionError> {
    let case = check_open(tx, user, scope)?;
    let waits = |status| status == VerificationStatus::Pending;
    if case
        .documents
        .iter()
        .any(|document| waits(document.verification_status))
    {
        Ok(case)
    } else {
        Err(DecisionError::NoDocuments)
    }
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
        let case = check_decidable(tx, user, decider.scope)?;
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
            "UPDATE users SET status = 'ACTIVE', role = ?2, company_id = ?3, password_hash = ?4, password_imported = 0, must_change_password = 1, \
             temporary_password_expires_at = ?5, document_verified = 1, updated_at = ?6, version = version + 1 \
             WHERE id = ?1 AND status = 'PENDING' RETURNING 1",
            params![user, role, company, approval.password_hash, approval.password_expires_at, decider.at],
        )?;
        changed.ok_or(DecisionError::NotPending)?;
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
        check_decidable(tx, user, decider.scope)?;
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
            expires_at: decider.at.plus_seconds(nexus_domain::mail::TIMEOUT_SECONDS),
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
            NotificationKind::DocumentsApproved,
            "Your documents are approved",
            "Your account is open.",
        )
    } else {
        (
            NotificationKind::DocumentsRejected,
            "Your documents were not accepted",
            "The mail we sent you says why and what to do.",
        )
    };
    Notification {
        id: decider.notification_id,
        user_id: user,
        kind,
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
                 d.verification_status = 'PENDING'), u.status = 'PENDING' \
                 FROM verification_cases c JOIN users u ON u.id = c.user_id WHERE c.user_id = ?1",
                params![user],
            )?
            .ok_or(DecisionError::NoCase)?;
        let waiting: i64 = row.get(2)?;
        match row.parse::<VerificationStatus>(0)? {
            VerificationStatus::Approved => return Err(DecisionError::AlreadyDecided),
            _ if !row.get::<bool>(3)? => return Err(DecisionError::NoCase),
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
