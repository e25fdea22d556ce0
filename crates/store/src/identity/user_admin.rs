//! What admins do with people: find, change, suspend, ban, reinstate. Each act commits with its audit entry, and
//! with its mail where the person is told.

use nexus_domain::ids::{CompanyId, MailId, UserId};
use nexus_domain::mail::{TIMEOUT_SECONDS, Template};
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Invalid, Role, Timestamp};
use serde_json::json;
use thiserror::Error;
use utoipa::PartialSchema;

use crate::audit::{self, NewAuditEntry};
use crate::identity::second_factors;
use crate::identity::sessions::{self, SessionEnd};
use crate::identity::users::{self, UserRecord};
use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::mail::outbox::{self, NewMail};
use crate::{Database, StoreError, Transaction, Value, params, user_columns};

/// The people of a company.
pub static OF_COMPANY: Listing<UserRecord> = Listing {
    scope: "users.company_id = ?1",
    total: "(SELECT count(*) FROM users WHERE company_id = ?1)",
    ..ALL
};

/// Everybody, for SUPER_ADMIN.
pub static LISTING: Listing<UserRecord> = ALL;

const ALL: Listing<UserRecord> = Listing {
    columns: user_columns!(),
    from: "users",
    scope: "?1 IS NULL",
    id: "users.id",
    // Indexes: users_by_creation, users_by_name, users_by_mail, users_by_company; over all the primary key,
    // users_of_all_by_name, UNIQUE (email_key), users_of_all_by_role.
    sorts: &[
        Sort::by_index("createdAt", "users.id", SortKind::Id),
        Sort::by_index("name", "users.name_folded", SortKind::Text),
        Sort::by_index("email", "users.email_key", SortKind::Text),
        Sort::by_index("role", "users.role", SortKind::Text),
        Sort::unindexed("status", "users.status", SortKind::Text),
        Sort::unindexed("lastLoginAt", "coalesce(users.last_login_at, -1)", SortKind::Integer),
    ],
    filters: &[
        // The `+` keeps statements from the index of `status`: most people are `ACTIVE`.
        Filter::one_of::<UserStatus>("status", "+users.status ="),
        Filter::one_of::<Role>("role", "users.role ="),
        Filter::text("name", "users.name ="),
        Filter::by("email", "users.email_key =", email_key, EmailAddress::schema),
        Filter::flag("emailVerified", "users.email_verified ="),
        Filter::flag("documentVerified", "users.document_verified ="),
        Filter::flag("mfaEnabled", "users.mfa_enabled ="),
        Filter::text("locale", "users.locale ="),
        Filter::ordered::<Timestamp>("createdAt", "users.created_at ="),
        Filter::ordered::<Timestamp>("lastLoginAt", "users.last_login_at ="),
    ],
    search: "users.name_folded LIKE ?2 ESCAPE '\\' OR users.email_folded LIKE ?2 ESCAPE '\\'",
    total: "(SELECT count(*) FROM users)",
    read: |row| UserRecord::read(row, 0),
};

fn email_key(text: &str) -> Result<Value, Invalid> {
    text.parse::<EmailAddress>()
        .map(|address| Value::Text(address.key().to_owned()))
}

/// A person in scope.
pub fn find(database: &Database, user: UserId, scope: Option<CompanyId>) -> Result<Option<UserRecord>, StoreError> {
    Ok(users::by_id(database, user)?.filter(|found| scope.is_none() || found.company_id == scope))
}

/// Why an act on a person did not happen.
#[derive(Debug, Error)]
pub enum UserActError {
    #[error("there is no such person in the admin's scope")]
    NoUser,
    #[error("there is no such company")]
    NoCompany,
    #[error("staff needs a company")]
    CompanyNeeded,
    #[error("the person outranks the admin, or is the admin")]
    NotAllowed,
    #[error("not possible for an account that is {0}")]
    InvalidTransition(UserStatus),
    #[error("somebody changed the person meanwhile")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who acts, and on what they may.
#[derive(Debug, Clone)]
pub struct Actor<'a> {
    pub user: UserId,
    pub role: Role,
    pub scope: Option<CompanyId>,
    /// With action, subject and company left to the act.
    pub entry: NewAuditEntry<'a>,
}

impl Actor<'_> {
    fn target(&self, tx: &Transaction<'_>, user: UserId) -> Result<UserRecord, UserActError> {
        let found = find(tx, user, self.scope)?.ok_or(UserActError::NoUser)?;
        if found.id == self.user || !self.role.at_least(found.role) {
            return Err(UserActError::NotAllowed);
        }
        Ok(found)
    }

    fn log(
        &self,
        tx: &Transaction<'_>,
        action: &str,
        target: &UserRecord,
        details: serde_json::Value,
    ) -> Result<(), StoreError> {
        let entry = NewAuditEntry {
            action,
            subject_type: "user",
            subject_id: target.id.to_string(),
            company: target.company_id,
            details,
            ..self.entry.clone()
        };
        audit::append(tx, &entry)
    }
}

/// What an admin changes of a person.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    pub role: Option<Role>,
    /// `Some(None)`: out of any company.
    pub company: Option<Option<CompanyId>>,
    /// The version that `If-Match` named.
    pub version: Option<i64>,
}

pub fn change(
    database: &Database,
    actor: &Actor<'_>,
    user: UserId,
    change: &UserChange,
) -> Result<UserRecord, UserActError> {
    database.transaction(|tx| {
        let before = find(tx, user, actor.scope)?.ok_or(UserActError::NoUser)?;
        if change.version.is_some_and(|version| version != before.version) {
            return Err(UserActError::Changed);
        }
        let role = change.role.unwrap_or(before.role);
        let company = change.company.unwrap_or(before.company_id);
        if role == before.role && company == before.company_id {
            return Ok(before);
        }
        actor.target(tx, user)?;
        if let Some(company) = company.filter(|_| company != before.company_id) {
            tx.query_opt("SELECT 1 FROM companies WHERE id = ?1", params![company])?
                .ok_or(UserActError::NoCompany)?;
        }
        if company.is_none() && matches!(role, Role::Manager | Role::Admin) {
            return Err(UserActError::CompanyNeeded);
        }
        tx.execute(
            "UPDATE users SET role = ?2, company_id = ?3, updated_at = ?4, version = version + 1 WHERE id = ?1",
            params![user, role, company, actor.entry.at],
        )?;
        let after = users::by_id(tx, user)?.ok_or(UserActError::NoUser)?;
        actor.log(
            tx,
            "user.changed",
            &after,
            json!({
                "role": { "from": before.role, "to": role },
                "companyId": { "from": before.company_id, "to": company },
            }),
        )?;
        Ok(after)
    })
}

/// What an admin does to an account as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountAct {
    Suspend,
    Ban,
    Reinstate,
}

impl AccountAct {
    const fn action(self) -> &'static str {
        match self {
            Self::Suspend => "user.suspended",
            Self::Ban => "user.banned",
            Self::Reinstate => "user.reinstated",
        }
    }

    /// The status afterwards, if the act is possible now. Whoever was not let in yet waits on after being reinstated.
    fn leads_to(self, now: UserStatus, let_in: bool) -> Option<UserStatus> {
        match (self, now) {
            (Self::Suspend, UserStatus::Pending | UserStatus::Active) => Some(UserStatus::Suspended),
            (Self::Ban, UserStatus::Pending | UserStatus::Active | UserStatus::Suspended) => Some(UserStatus::Banned),
            (Self::Reinstate, UserStatus::Suspended | UserStatus::Banned) => Some(if let_in {
                UserStatus::Active
            } else {
                UserStatus::Pending
            }),
            _ => None,
        }
    }
}

/// Suspends, bans or reinstates. The first two end all sessions and tell the person. `and_then` commits with it.
pub fn act(
    database: &Database,
    actor: &Actor<'_>,
    user: UserId,
    act: AccountAct,
    reason: &str,
    mail: MailId,
    and_then: impl FnOnce(&Transaction<'_>, &UserRecord) -> Result<(), StoreError>,
) -> Result<UserRecord, UserActError> {
    database.transaction(|tx| {
        let before = actor.target(tx, user)?;
        let open_case = tx.query_opt(
            "SELECT 1 FROM verification_cases WHERE user_id = ?1 AND status <> 'APPROVED'",
            params![user],
        )?;
        let status = act
            .leads_to(before.status, open_case.is_none())
            .ok_or(UserActError::InvalidTransition(before.status))?;
        let now = actor.entry.at;
        tx.execute(
            "UPDATE users SET status = ?2, status_reason = ?3, updated_at = ?4, version = version + 1 WHERE id = ?1",
            params![user, status, reason, now],
        )?;
        sessions::end_all(tx, user, None, SessionEnd::Revoked, now)?;
        if act != AccountAct::Reinstate {
            let params = json!({ "reason": reason, "banned": act == AccountAct::Ban });
            tell(tx, &before, Template::AccountSuspended, params, mail, now)?;
        }
        actor.log(tx, act.action(), &before, json!({ "reason": reason }))?;
        let after = users::by_id(tx, user)?.ok_or(UserActError::NoUser)?;
        and_then(tx, &after)?;
        Ok(after)
    })
}

/// Takes a person's second factor away and tells them. `and_then` commits with it.
pub fn reset_mfa(
    database: &Database,
    actor: &Actor<'_>,
    user: UserId,
    reason: &str,
    mail: MailId,
    and_then: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
) -> Result<(), UserActError> {
    database.transaction(|tx| {
        let before = actor.target(tx, user)?;
        let now = actor.entry.at;
        second_factors::reset(tx, user, now)?;
        sessions::end_all(tx, user, None, SessionEnd::Revoked, now)?;
        tell(tx, &before, Template::MfaReset, json!({}), mail, now)?;
        actor.log(tx, "user.mfa_reset", &before, json!({ "reason": reason }))?;
        Ok(and_then(tx)?)
    })
}

fn tell(
    tx: &Transaction<'_>,
    user: &UserRecord,
    template: Template,
    params: serde_json::Value,
    mail: MailId,
    now: Timestamp,
) -> Result<(), StoreError> {
    outbox::enqueue(
        tx,
        &NewMail {
            id: mail,
            company: user.company_id,
            user: Some(user.id),
            recipient: &user.email,
            recipient_name: &user.name,
            template: template.as_str(),
            locale: &user.locale,
            params,
            sealed: None,
            now,
            expires_at: now.plus_seconds(TIMEOUT_SECONDS),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_transitions_that_make_sense_are_possible() {
        use AccountAct::{Ban, Reinstate, Suspend};
        use UserStatus::{Active, Banned, Pending, Suspended};
        assert_eq!(Suspend.leads_to(Active, true), Some(Suspended));
        assert_eq!(Suspend.leads_to(Banned, true), None);
        assert_eq!(Ban.leads_to(Suspended, true), Some(Banned));
        assert_eq!(Ban.leads_to(Banned, true), None);
        assert_eq!(Reinstate.leads_to(Banned, true), Some(Active));
        assert_eq!(Reinstate.leads_to(Suspended, false), Some(Pending));
        assert_eq!(Reinstate.leads_to(Active, true), None);
    }
}
