//! The demo company's accounts and their passwords.

use nexus_domain::ids::{AuditId, CompanyId};
use nexus_domain::password_hash::Hashing;
use nexus_domain::{EmailAddress, Role, Timestamp};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::sessions::{self, SessionEnd};
use nexus_store::identity::users::{self, UserRecord};
use nexus_store::{Database, Transaction, identity::password_resets};

use super::{invalid, unstored};
use crate::accounts::{self, Account, InsertError, random};
use crate::failure::Failure;

const FIRST_NAMES: [&str; 12] = [
    "Amina", "Björn", "Chiara", "Dwayne", "Eszter", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Kavya", "Lucía",
];
const LAST_NAMES: [&str; 7] = ["Okafor", "Lindqvist", "Moretti", "Haddad", "Szabó", "Tanaka", "Rao"];
const STAFF: [(&str, Role); 3] = [
    ("admin", Role::Admin),
    ("manager", Role::Manager),
    ("super", Role::SuperAdmin),
];

pub struct SignIn {
    pub account: Account,
    password: String,
}

pub struct People {
    pub admin: SignIn,
    pub manager: SignIn,
    /// A super admin belongs to no company.
    super_admin: SignIn,
    pub residents: Vec<SignIn>,
}

impl People {
    pub fn new(residents: u16, seed: u64, hashing: &Hashing) -> Result<Self, Failure> {
        let one = |place: usize, user: &str, role| SignIn::new(&name(place, seed), user, role, hashing);
        let [admin, manager, super_admin] = STAFF;
        Ok(Self {
            admin: one(0, admin.0, admin.1)?,
            manager: one(1, manager.0, manager.1)?,
            residents: (1..=residents)
                .map(|number| {
                    let role = if number % 2 == 1 { Role::Student } else { Role::Tenant };
                    one(usize::from(number) + 1, &format!("resident{number}"), role)
                })
                .collect::<Result<_, _>>()?,
            super_admin: one(usize::from(residents) + 2, super_admin.0, super_admin.1)?,
        })
    }

    pub fn insert(&self, tx: &Transaction<'_>, company: CompanyId, now: Timestamp) -> Result<(), InsertError> {
        for person in [&self.admin, &self.manager].into_iter().chain(&self.residents) {
            person.account.insert(tx, Some(company), now)?;
        }
        self.super_admin.account.insert(tx, None, now)
    }

    pub fn show(&self) {
        let staff = [&self.super_admin, &self.admin, &self.manager];
        for person in staff.into_iter().chain(&self.residents) {
            let account = &person.account;
            show(account.role, account.email.as_str(), &person.password);
        }
    }
}

fn show(role: Role, email: &str, password: &str) {
    println!("  {:11} {email:32} {password}", role.as_str());
}

/// The name of the person with this number.
pub fn name(place: usize, seed: u64) -> String {
    let turn = place + usize::try_from(seed % 1_000).unwrap_or_default();
    let (first, last) = (
        FIRST_NAMES[turn % FIRST_NAMES.len()],
        LAST_NAMES[turn % LAST_NAMES.len()],
    );
    format!("{first} {last}")
}

pub fn address(user: &str) -> Result<EmailAddress, Failure> {
    format!("{user}@demo.example").parse().map_err(invalid)
}

impl SignIn {
    fn new(name: &str, user: &str, role: Role, hashing: &Hashing) -> Result<Self, Failure> {
        let password = password()?;
        let account = Account::new(address(user)?, name.to_owned(), role, &password, hashing)?;
        Ok(Self { account, password })
    }
}

/// Gives new passwords to the demo accounts that still exist.
pub fn renew(database: &Database, hashing: &Hashing) -> Result<(), Failure> {
    let staff = STAFF.map(|(user, _)| user.to_owned());
    let residents = (1..).map(|number| format!("resident{number}"));
    println!("Demo company: new passwords (shown only now):");
    for (place, user) in staff.into_iter().chain(residents).enumerate() {
        let found = users::by_email(database, &address(&user)?).map_err(unstored)?;
        match found {
            Some(person) => {
                let password = password()?;
                set_password(database, &person, &password, hashing)?;
                show(person.role, &person.email, &password);
            }
            // Residents are numbered without gaps. Staff accounts may have been deleted.
            None if place >= STAFF.len() => break,
            None => {}
        }
    }
    Ok(())
}

fn set_password(database: &Database, person: &UserRecord, password: &str, hashing: &Hashing) -> Result<(), Failure> {
    let hash = accounts::hash_password(&person.email.parse().map_err(invalid)?, &person.name, password, hashing)?;
    let now = accounts::now();
    let audit_id = AuditId::generate(now, random()?);
    database
        .transaction(|tx| {
            password_resets::set_password(tx, person.id, &hash, now)?;
            password_resets::revoke_all(tx, person.id, now)?;
            sessions::end_all(tx, person.id, None, SessionEnd::PasswordChanged, now)?;
            audit::append(
                tx,
                &NewAuditEntry {
                    id: audit_id,
                    at: now,
                    actor: None,
                    action: "user.password_reset",
                    subject_type: "user",
                    subject_id: person.id.to_string(),
                    company: person.company_id,
                    ip: "",
                    request_id: "",
                    details: serde_json::json!({ "by": "nexus" }),
                },
            )
        })
        .map_err(unstored)
}

/// `Kdmr-tqwz-4827`: easy to type, about 48 bits, and of all four classes of characters.
fn password() -> Result<String, Failure> {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
    let mut text = String::with_capacity(14);
    text.push(char::from(LETTERS[below(LETTERS.len())?]).to_ascii_uppercase());
    for length in [3, 4] {
        for _ in 0..length {
            text.push(char::from(LETTERS[below(LETTERS.len())?]));
        }
        text.push('-');
    }
    for _ in 0..4 {
        text.push(char::from(b"0123456789"[below(10)?]));
    }
    Ok(text)
}

/// A uniform number below `bound` (at most 256), by rejection.
fn below(bound: usize) -> Result<usize, Failure> {
    let fair = 256 - 256 % bound;
    loop {
        let [byte] = random::<1>()?;
        if usize::from(byte) < fair {
            return Ok(usize::from(byte) % bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_all_four_classes_and_differ() {
        let one = password().unwrap();
        assert_eq!(one.len(), 14);
        assert!(one.chars().any(char::is_uppercase) && one.chars().any(char::is_lowercase));
        assert!(one.chars().any(|c| c.is_ascii_digit()) && one.contains('-'));
        assert_ne!(one, password().unwrap());
    }
}
