//! One person of another system, as a line of an import file tells of them.
//!
//! Passwords come as hashes that can be checked here; nobody has to choose a new one. Roles above a resident's are taken over
//! only when the operator says so: in the old system anybody could register as an admin.

use crate::password_hash::StoredHash;
use crate::person_name::{Locale, PersonName};
use crate::status::UserStatus;
use crate::{EmailAddress, Invalid, Role};

/// What a file can say of a person. Columns of other names are not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Email,
    Name,
    PasswordHash,
    Role,
    Status,
    Company,
    EmailVerified,
    DocumentVerified,
    Locale,
}

impl Field {
    pub const ALL: [Field; 9] = [
        Field::Email,
        Field::Name,
        Field::PasswordHash,
        Field::Role,
        Field::Status,
        Field::Company,
        Field::EmailVerified,
        Field::DocumentVerified,
        Field::Locale,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Field::Email => "email",
            Field::Name => "name",
            Field::PasswordHash => "passwordHash",
            Field::Role => "role",
            Field::Status => "status",
            Field::Company => "companySlug",
            Field::EmailVerified => "emailVerified",
            Field::DocumentVerified => "documentVerified",
            Field::Locale => "locale",
        }
    }

    /// By its name, or another that old systems use; `_`, `-`, spaces and case don't matter.
    pub fn named(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match plain.as_str() {
            "email" | "emailaddress" => Some(Field::Email),
            "name" | "fullname" | "displayname" => Some(Field::Name),
            "passwordhash" | "password" | "hash" => Some(Field::PasswordHash),
            "role" => Some(Field::Role),
            "status" | "accountstatus" => Some(Field::Status),
            "companyslug" | "company" => Some(Field::Company),
            "emailverified" | "isemailverified" => Some(Field::EmailVerified),
            "documentverified" | "isdocumentverified" | "documentsverified" => Some(Field::DocumentVerified),
            "locale" | "language" => Some(Field::Locale),
            _ => None,
        }
    }
}

/// What is wrong with one field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub field: Field,
    pub invalid: Invalid,
}

#[derive(Debug, Clone)]
pub struct ImportedPerson {
    pub email: EmailAddress,
    pub name: PersonName,
    pub password_hash: String,
    pub role: Role,
    pub status: UserStatus,
    pub company_slug: Option<String>,
    pub email_verified: bool,
    pub document_verified: bool,
    pub locale: Locale,
}

impl ImportedPerson {
    /// Reads the fields of one line; every fault is named. Without `staff`, residents only.
    pub fn read<'a>(fields: impl IntoIterator<Item = (Field, &'a str)>, staff: bool) -> Result<Self, Vec<Fault>> {
        let mut given = Given::default();
        for (field, text) in fields {
            given.take(field, text.trim());
        }
        let email = given.required(Field::Email, str::parse);
        let name = given.required(Field::Name, str::parse);
        let password_hash = given.required(Field::PasswordHash, usable_hash);
        let role = given.or(Field::Role, Role::Student, |text| role(text, staff));
        let status = given.or(Field::Status, UserStatus::Active, status);
        let email_verified = given.or(Field::EmailVerified, false, yes_or_no);
        let document_verified = given.or(Field::DocumentVerified, false, yes_or_no);
        let locale = given.or(Field::Locale, Locale::English, str::parse);
        let company_slug = given.text(Field::Company).map(str::to_owned);
        if role == Some(Role::SuperAdmin) && company_slug.is_some() {
            given.refuse(
                Field::Company,
                Invalid::new("NOT_ALLOWED", "a SUPER_ADMIN belongs to no company"),
            );
        }
        match (
            email,
            name,
            password_hash,
            role,
            status,
            email_verified,
            document_verified,
            locale,
        ) {
            (
                Some(email),
                Some(name),
                Some(password_hash),
                Some(role),
                Some(status),
                Some(e),
                Some(d),
                Some(locale),
            ) if given.faults.is_empty() => Ok(Self {
                email,
                name,
                password_hash,
                role,
                status,
                company_slug,
                email_verified: e,
                document_verified: d,
                locale,
            }),
            _ => Err(given.faults),
        }
    }
}

#[derive(Default)]
struct Given<'a> {
    texts: [Option<&'a str>; Field::ALL.len()],
    faults: Vec<Fault>,
}

impl<'a> Given<'a> {
    fn take(&mut self, field: Field, text: &'a str) {
        let place = &mut self.texts[field as usize];
        if place.is_some() {
            self.refuse(field, Invalid::new("DUPLICATE", "is given twice"));
        } else if !text.is_empty() {
            *place = Some(text);
        }
    }

    fn text(&self, field: Field) -> Option<&'a str> {
        self.texts[field as usize]
    }

    fn refuse(&mut self, field: Field, invalid: Invalid) {
        self.faults.push(Fault { field, invalid });
    }

    fn required<T>(&mut self, field: Field, read: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let Some(text) = self.text(field) else {
            self.refuse(field, Invalid::new("REQUIRED", "is required"));
            return None;
        };
        self.checked(field, read(text))
    }

    fn or<T>(&mut self, field: Field, default: T, read: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        match self.text(field) {
            None => Some(default),
            Some(text) => self.checked(field, read(text)),
        }
    }

    fn checked<T>(&mut self, field: Field, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|invalid| self.refuse(field, invalid)).ok()
    }
}

fn usable_hash(text: &str) -> Result<String, Invalid> {
    StoredHash::parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| Invalid::new("UNREADABLE_HASH", error.to_string()))
}

fn role(text: &str, staff: bool) -> Result<Role, Invalid> {
    let role: Role = text.to_ascii_uppercase().parse()?;
    if role.is_staff() && !staff {
        return Err(Invalid::new(
            "STAFF_NOT_ALLOWED",
            format!("{role} is taken over with --allow-staff only"),
        ));
    }
    Ok(role)
}

fn status(text: &str) -> Result<UserStatus, Invalid> {
    match text.to_ascii_uppercase().parse()? {
        // There would be nothing to decide on, and nobody would be told how to hand documents in.
        UserStatus::Pending => Err(Invalid::new(
            "PENDING_NOT_ALLOWED",
            "who waits for a decision registers here again",
        )),
        status => Ok(status),
    }
}

fn yes_or_no(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" => Ok(true),
        "false" | "f" | "0" | "no" => Ok(false),
        _ => Err(Invalid::new("NOT_BOOLEAN", "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    fn read(fields: &[(Field, &str)]) -> Result<ImportedPerson, Vec<Fault>> {
        ImportedPerson::read(fields.iter().copied(), false)
    }

    #[test]
    fn an_address_a_name_and_a_hash_are_enough() {
        let person = read(&[
            (Field::Email, " Ana@example.org "),
            (Field::Name, "Ana"),
            (Field::PasswordHash, HASH),
            (Field::Locale, ""),
        ])
        .unwrap();
        assert_eq!(person.email.as_str(), "Ana@example.org");
        assert_eq!((person.role, person.status), (Role::Student, UserStatus::Active));
        assert!(
            !person.email_verified && !person.document_verified,
            "nothing is claimed that the file doesn't say"
        );
    }

    #[test]
    fn every_fault_of_a_line_is_named() {
        let faults = read(&[
            (Field::Email, "nobody"),
            (Field::PasswordHash, "secret"),
            (Field::Role, "ADMIN"),
            (Field::Status, "PENDING"),
            (Field::EmailVerified, "perhaps"),
        ])
        .unwrap_err();
        let named: Vec<Field> = faults.iter().map(|fault| fault.field).collect();
        assert_eq!(
            named,
            [
                Field::Email,
                Field::Name,
                Field::PasswordHash,
                Field::Role,
                Field::Status,
                Field::EmailVerified
            ]
        );
    }

    #[test]
    fn staff_is_taken_over_only_when_asked_for() {
        let fields = [
            (Field::Email, "ana@example.org"),
            (Field::Name, "Ana"),
            (Field::PasswordHash, HASH),
            (Field::Role, "manager"),
        ];
        assert_eq!(read(&fields).unwrap_err()[0].invalid.code, "STAFF_NOT_ALLOWED");
        assert_eq!(ImportedPerson::read(fields, true).unwrap().role, Role::Manager);
    }

    #[test]
    fn columns_are_known_by_the_names_that_old_systems_give_them() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.as_str()), Some(field));
        }
        assert_eq!(Field::named("password_hash"), Some(Field::PasswordHash));
        assert_eq!(Field::named("Is Email Verified"), Some(Field::EmailVerified));
        assert_eq!(Field::named("phone"), None);
    }

    #[test]
    fn a_field_given_twice_is_a_fault() {
        let twice = read(&[(Field::Email, "a@example.org"), (Field::Email, "b@example.org")]).unwrap_err();
        assert_eq!(twice[0].invalid.code, "DUPLICATE");
    }
}
