//! People: as everybody is shown them, and what signing in needs to know of them.

use nexus_domain::ids::{CompanyId, UserId};
use nexus_domain::status::UserStatus;
use nexus_domain::text::fold;
use nexus_domain::{EmailAddress, Role, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Database, Row, StoreError, params};

/// The `user` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct UserRecord {
    pub id: UserId,
    #[schema(format = Email)]
    pub email: String,
    pub name: String,
    pub role: Role,
    pub company_id: Option<CompanyId>,
    pub status: UserStatus,
    pub email_verified: bool,
    pub document_verified: bool,
    pub mfa_enabled: bool,
    pub locale: String,
    pub created_at: Timestamp,
    pub last_login_at: Option<Timestamp>,
    /// Goes up with every change; the `ETag`.
    #[serde(skip)]
    #[schema(ignore)]
    pub version: i64,
}

/// The columns of a [`UserRecord`], for statements that give one back: `concat!("SELECT ", user_columns!(), …)`.
/// The table must go by the name `users`.
#[macro_export]
macro_rules! user_columns {
    () => {
        "users.id, users.email, users.name, users.role, users.company_id, users.status, users.email_verified, \
         users.document_verified, users.mfa_enabled, users.locale, users.created_at, users.last_login_at, users.version"
    };
}

impl UserRecord {
    /// How many columns `user_columns!()` has.
    pub const COLUMNS: usize = 13;

    /// Reads the columns of `user_columns!()` that begin at `first`.
    pub fn read(row: &Row, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parse(first)?,
            email: row.get(first + 1)?,
            name: row.get(first + 2)?,
            role: row.parse(first + 3)?,
            company_id: row.parse_opt(first + 4)?,
            status: row.parse(first + 5)?,
            email_verified: row.get(first + 6)?,
            document_verified: row.get(first + 7)?,
            mfa_enabled: row.get(first + 8)?,
            locale: row.get(first + 9)?,
            created_at: row.get(first + 10)?,
            last_login_at: row.get(first + 11)?,
            version: row.get(first + 12)?,
        })
    }
}

/// By primary key.
pub fn by_id(database: &Database, user: UserId) -> Result<Option<UserRecord>, StoreError> {
    database
        .query_opt(
            concat!("SELECT ", user_columns!(), " FROM users WHERE users.id = ?1"),
            params![user],
        )?
        .map(|row| UserRecord::read(&row, 0))
        .transpose()
}

/// The key under which the account of an address is, if it has one. Of two accounts from before UTS #46 whose addresses are
/// one today, each is reached by its own as it was written (migration 0090). Index: UNIQUE (email_key).
pub fn account_key<'a>(database: &Database, email: &'a EmailAddress) -> Result<&'a str, StoreError> {
    let (key, earlier) = (email.key(), email.earlier_key());
    if earlier == key {
        return Ok(key);
    }
    let row = database.query_opt("SELECT 1 FROM users WHERE email_key = ?1", params![earlier])?;
    Ok(if row.is_some() { earlier } else { key })
}

/// Index: UNIQUE (email_key).
pub fn by_email(database: &Database, email: &EmailAddress) -> Result<Option<UserRecord>, StoreError> {
    let key = account_key(database, email)?;
    database
        .query_opt(
            concat!("SELECT ", user_columns!(), " FROM users WHERE users.email_key = ?1"),
            params![key],
        )?
        .map(|row| UserRecord::read(&row, 0))
        .transpose()
}

/// Somebody to be written down.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a EmailAddress,
    pub name: &'a str,
    pub role: Role,
    pub company: Option<CompanyId>,
    pub status: UserStatus,
    pub password_hash: &'a str,
    pub email_verified: bool,
    pub document_verified: bool,
    pub locale: &'a str,
    pub now: Timestamp,
}

/// A taken address is `StoreError::NotUnique` of `users.email_key`.
pub fn insert(database: &Database, user: &NewUser<'_>) -> Result<UserRecord, StoreError> {
    let row = database.query_opt(
        concat!(
            "INSERT INTO users (id, email, email_key, email_folded, name, name_folded, role, company_id, status, ",
            "password_hash, email_verified, document_verified, locale, created_at, updated_at) ",
            "VALUES (?1, ?2, ?3, ?13, ?4, ?14, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12) RETURNING ",
            "id, email, name, role, company_id, status, email_verified, document_verified, mfa_enabled, locale, ",
            "created_at, last_login_at, version"
        ),
        params![
            user.id,
            user.email.as_str(),
            user.email.key(),
            user.name,
            user.role,
            user.company,
            user.status,
            user.password_hash,
            user.email_verified,
            user.document_verified,
            user.locale,
            user.now,
            user.email.folded(),
            fold(user.name)
        ],
    )?;
    UserRecord::read(&row.ok_or(StoreError::Column { index: 0 })?, 0)
}

/// Whether an insert failed because the address has an account.
pub fn is_email_taken(error: &StoreError) -> bool {
    error.is_not_unique("users.email_key")
}

/// What people may change of themselves.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange<'a> {
    pub name: Option<&'a str>,
    pub locale: Option<&'a str>,
    pub discoverable: Option<bool>,
}

impl ProfileChange<'_> {
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.locale.is_none() && self.discoverable.is_none()
    }
}

/// Changes what is given; `None` when the row is not of `version` any more (where one is named).
pub fn change_profile(
    database: &Database,
    user: UserId,
    change: &ProfileChange<'_>,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Option<UserRecord>, StoreError> {
    database
        .query_opt(
            concat!(
                "UPDATE users SET name = coalesce(?2, name), name_folded = coalesce(?7, name_folded), ",
                "locale = coalesce(?3, locale), discoverable = coalesce(?4, discoverable), updated_at = ?5, version = version + 1 ",
                "WHERE id = ?1 AND (?6 IS NULL OR version = ?6) RETURNING ",
                "id, email, name, role, company_id, status, email_verified, document_verified, mfa_enabled, locale, ",
                "created_at, last_login_at, version"
            ),
            params![
                user,
                change.name,
                change.locale,
                change.discoverable,
                now,
                version,
                change.name.map(fold)
            ],
        )?
        .map(|row| UserRecord::read(&row, 0))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert_one(database: &Database, email: &str) -> Result<UserRecord, StoreError> {
        let email: EmailAddress = email.parse().unwrap();
        let now = Timestamp::from_millis(1_000);
        let id = UserId::generate(now, [u8::try_from(email.as_str().len()).unwrap(); 10]);
        let new = NewUser {
            id,
            email: &email,
            name: "Ana",
            role: Role::Student,
            company: None,
            status: UserStatus::Pending,
            password_hash: "h",
            email_verified: false,
            document_verified: false,
            locale: "en",
            now,
        };
        insert(database, &new)
    }

    #[test]
    fn an_address_has_one_account_whatever_its_case() {
        let database = Database::in_memory().unwrap();
        let made = insert_one(&database, "Ana@Example.org").unwrap();
        assert_eq!(by_id(&database, made.id).unwrap(), Some(made.clone()));
        assert_eq!(
            by_email(&database, &"ANA@example.org".parse().unwrap()).unwrap(),
            Some(made)
        );
        let again = insert_one(&database, "ana@example.ORG").unwrap_err();
        assert!(is_email_taken(&again));
    }

    #[test]
    fn a_change_names_the_version_it_is_of() {
        let database = Database::in_memory().unwrap();
        let user = insert_one(&database, "ana@example.org").unwrap();
        let change = ProfileChange {
            name: Some("Ana Kos"),
            ..Default::default()
        };
        let now = Timestamp::from_millis(2_000);
        let changed = change_profile(&database, user.id, &change, Some(user.version), now)
            .unwrap()
            .unwrap();
        assert_eq!((changed.name.as_str(), changed.version), ("Ana Kos", user.version + 1));
        assert!(
            change_profile(&database, user.id, &change, Some(user.version), now)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn the_contract_s_user_has_its_twelve_members_and_no_other() {
        let database = Database::in_memory().unwrap();
        let user = insert_one(&database, "ana@example.org").unwrap();
        let json = serde_json::to_value(&user).unwrap();
        let members: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "id",
            "email",
            "name",
            "role",
            "companyId",
            "status",
            "emailVerified",
            "documentVerified",
            "mfaEnabled",
            "locale",
            "createdAt",
            "lastLoginAt",
        ];
        expected.sort_unstable();
        let mut members = members;
        members.sort_unstable();
        assert_eq!(members, expected);
    }
}
