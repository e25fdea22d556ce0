//! Passwords at the edge of the domain: the settings in, problems out.

use nexus_domain::password::{self, Owner, Password};
use nexus_domain::password_hash::{HashError, Hashing, Imported, Verdict};
use nexus_domain::settings;
use nexus_kit::{ApiError, App, Code, FieldError, clock};
use nexus_store::identity::sign_ins::{self, Credentials};

pub fn hashing(app: &App) -> Result<Hashing, ApiError> {
    Ok(Hashing::new(
        app.config().get(&settings::PASSWORD_HASH)?,
        app.config().get(&settings::BCRYPT_COST)?,
    ))
}

/// Checks a new password against every rule; 400 `WEAK_PASSWORD` lists those that it breaks.
pub fn check_new(app: &App, field: &str, text: &str, owner: Owner<'_>) -> Result<Password, ApiError> {
    let algorithm = hashing(app)?.algorithm();
    password::check_new(text, owner, algorithm).map_err(|broken| {
        let errors = broken
            .into_iter()
            .map(|invalid| FieldError::new(field, invalid))
            .collect();
        weak(errors)
    })
}

pub fn weak(errors: Vec<FieldError>) -> ApiError {
    ApiError::new(
        Code::WeakPassword,
        "The password does not fulfil all rules; `errors` lists those it breaks.",
    )
    .with_errors(errors)
}

pub fn hash(app: &App, password: &Password) -> Result<String, ApiError> {
    hashing(app)?
        .hash(password, clock::random())
        .map_err(|error: HashError| ApiError::internal(format!("the password {error}")))
}

/// Whether it is this person's password.
pub fn verify(app: &App, typed: &str, credentials: &Credentials) -> Result<Verdict, ApiError> {
    Ok(hashing(app)?.verify_typed(typed, Some(stored(credentials)), None))
}

/// As [`verify`], for an address that may have no account: nobody's password is wrong after the same time.
pub fn verify_at(
    app: &App,
    email_key: &str,
    typed: &str,
    credentials: Option<&Credentials>,
) -> Result<Verdict, ApiError> {
    // Read for everybody: it takes time as well.
    let like = sign_ins::neighbours_hash(app.database(), email_key)?;
    Ok(hashing(app)?.verify_typed(typed, credentials.map(stored), like.as_deref()))
}

fn stored(credentials: &Credentials) -> (&str, Imported) {
    (&credentials.password_hash, credentials.password_imported.into())
}

pub fn wrong() -> ApiError {
    ApiError::new(Code::InvalidCredentials, "The e-mail address or the password is wrong.")
}
