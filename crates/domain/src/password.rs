//! Passwords: what a new one must be like, and the one form in which two of them are compared.

mod common;

use unicode_normalization::UnicodeNormalization;

use crate::settings::PasswordHash;
use crate::{EmailAddress, Invalid};

pub use common::is_common;

/// bcrypt reads 72 bytes and ignores the rest, so a longer password would be a shorter one in disguise.
pub const BCRYPT_LIMIT_BYTES: usize = 72;
/// argon2id takes any length; this bounds the work of normalising it.
const OTHER_LIMIT_BYTES: usize = 1_024;
const LEAST_CHARACTERS: usize = 8;

/// A password as somebody typed it, NFC-normalised: the same characters are the same bytes, whichever
/// keyboard they came from (RFC 8265 §4.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// What another system made of the same password when it hashed it.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedPassword<'a> {
    typed: &'a str,
}

impl<'a> ImportedPassword<'a> {
    pub const fn typed(text: &'a str) -> Self {
        Self { typed: text }
    }

    /// The bytes that were typed, not normalised.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.typed.as_bytes()
    }

    /// As many of them as bcrypt reads: other systems hash the beginning of a longer password.
    pub fn cut(&self) -> &'a [u8] {
        let bytes = self.typed.as_bytes();
        bytes.get(..BCRYPT_LIMIT_BYTES).unwrap_or(bytes)
    }
}

impl std::fmt::Debug for ImportedPassword<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImportedPassword(…)")
    }
}

impl Password {
    pub fn typed(text: &str) -> Self {
        Self(text.nfc().collect())
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn chars(&self) -> impl Iterator<Item = char> {
        self.0.chars()
    }
}

/// It never shows itself in logs or error texts.
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Whose password it is going to be: it must not be what everybody knows of them.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    pub email: &'a EmailAddress,
    pub name: &'a str,
}

/// Takes a new password, or names every rule that it breaks.
pub fn check_new(text: &str, owner: Owner<'_>, algorithm: PasswordHash) -> Result<Password, Vec<Invalid>> {
    let password = Password::typed(text);
    let mut broken = Vec::new();
    let mut rule = |holds: bool, code: &'static str, message: String| {
        if !holds {
            broken.push(Invalid::new(code, message));
        }
    };
    rule(
        password.chars().count() >= LEAST_CHARACTERS,
        "TOO_SHORT",
        format!("must have at least {LEAST_CHARACTERS} characters"),
    );
    let limit = limit_bytes(algorithm);
    rule(
        password.as_bytes().len() <= limit,
        "TOO_LONG",
        format!("must have at most {limit} bytes (UTF-8)"),
    );
    rule(
        password.chars().any(char::is_uppercase),
        "NO_UPPERCASE",
        "must have an upper-case letter".into(),
    );
    rule(
        password.chars().any(char::is_lowercase),
        "NO_LOWERCASE",
        "must have a lower-case letter".into(),
    );
    rule(
        password.chars().any(char::is_numeric),
        "NO_DIGIT",
        "must have a digit".into(),
    );
    rule(
        password.chars().any(|c| !c.is_alphanumeric()),
        "NO_SPECIAL",
        "must have a character that is neither letter nor digit".into(),
    );
    // Some systems end a password there; ours must mean the same everywhere.
    rule(
        !password.chars().any(|c| c == '\0'),
        "INVALID_CHARACTER",
        "must not have a NUL character".into(),
    );
    rule(
        !is_common(&password.0),
        "COMMON",
        "is one of the passwords that everybody tries first".into(),
    );
    rule(
        !same(&password, owner.email.key()) && !same(&password, owner.email.as_str()),
        "SAME_AS_EMAIL",
        "must not be your e-mail address".into(),
    );
    rule(
        !same(&password, owner.name),
        "SAME_AS_NAME",
        "must not be your name".into(),
    );
    if broken.is_empty() { Ok(password) } else { Err(broken) }
}

fn limit_bytes(algorithm: PasswordHash) -> usize {
    match algorithm {
        PasswordHash::Bcrypt => BCRYPT_LIMIT_BYTES,
        PasswordHash::Argon2id => OTHER_LIMIT_BYTES,
    }
}

fn same(password: &Password, known: &str) -> bool {
    let plain = |text: &str| {
        text.nfc()
            .flat_map(char::to_lowercase)
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
    };
    plain(&password.0) == plain(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<&'static str> {
        broken_for(text, PasswordHash::Bcrypt)
    }

    fn broken_for(text: &str, algorithm: PasswordHash) -> Vec<&'static str> {
        let email: EmailAddress = "Ana.Kos1@example.org".parse().unwrap();
        let owner = Owner {
            email: &email,
            name: "Ana Kos 7-of-9",
        };
        match check_new(text, owner, algorithm) {
            Ok(_) => Vec::new(),
            Err(broken) => broken.into_iter().map(|invalid| invalid.code).collect(),
        }
    }

    #[test]
    fn a_password_of_all_four_classes_is_taken() {
        assert_eq!(broken("Quiet-River-42"), [] as [&str; 0]);
        assert_eq!(
            broken("čŽ7 øååå"),
            [] as [&str; 0],
            "letters beyond ASCII and a space count"
        );
    }

    #[test]
    fn every_broken_rule_is_listed() {
        assert_eq!(broken("abc"), ["TOO_SHORT", "NO_UPPERCASE", "NO_DIGIT", "NO_SPECIAL"]);
        assert_eq!(broken("ÉÉÉÉÉÉÉÉ"), ["NO_LOWERCASE", "NO_DIGIT", "NO_SPECIAL"]);
    }

    #[test]
    fn more_than_72_bytes_are_refused_with_bcrypt_and_taken_with_argon2id() {
        let exact = format!("Aa1!{}", "x".repeat(68));
        assert_eq!(broken(&exact), [] as [&str; 0]);
        let longer = format!("{exact}y");
        assert_eq!(broken(&longer), ["TOO_LONG"]);
        assert_eq!(broken_for(&longer, PasswordHash::Argon2id), [] as [&str; 0]);
        assert_eq!(
            broken(&format!("Aa1!{}", "ü".repeat(35))),
            ["TOO_LONG"],
            "bytes are counted, not characters"
        );
    }

    #[test]
    fn the_e_mail_address_and_the_name_are_no_passwords_in_any_case() {
        assert_eq!(broken("ANA.kos1@Example.org"), ["SAME_AS_EMAIL"]);
        assert_eq!(broken("ana KOS 7-OF-9"), ["SAME_AS_NAME"]);
    }

    #[test]
    fn common_passwords_are_refused_whatever_their_case_and_trailing_symbols() {
        for common in [
            "P@ssw0rd",
            "Password1!",
            "Password123!",
            "Qwerty123!",
            "Welcome1!",
            "1qaz@WSX",
        ] {
            assert_eq!(broken(common), ["COMMON"], "{common}");
        }
    }

    #[test]
    fn composed_and_decomposed_characters_are_one_password() {
        assert_eq!(Password::typed("Caf\u{e9}-42"), Password::typed("Cafe\u{301}-42"));
    }
}
