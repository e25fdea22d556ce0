//! `POST /auth/register`.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use deserr::Deserr;
use nexus_domain::document::{CheckedDocument, LinkToken};
use nexus_domain::email::ascii_domain;
use nexus_domain::ids::UserId;
use nexus_domain::one_time_code::LIFETIME_SECONDS;
use nexus_domain::password::Owner;
use nexus_domain::person_name::PersonName;
use nexus_domain::registration::ResidentRole;
use nexus_domain::settings::{self, Disclosure};
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Invalid, Role};
use nexus_kit::layers::nudge_mail;
use nexus_kit::upload::{self, DocumentBody, DocumentView, JSON_UPLOAD_LIMIT};
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, clock, respond};
use nexus_store::audit::NewAuditEntry;
use nexus_store::identity::companies::{self, CompanyForRegistration};
use nexus_store::identity::one_time_codes::{NewCode, Purpose};
use nexus_store::identity::users::{self, NewUser, UserRecord};
use nexus_store::verification::documents::NewDocument;
use nexus_store::{StoreError, audit, identity::one_time_codes, verification::documents};
use serde::Serialize;
use utoipa::ToSchema;

use crate::mails::{self, Mail, Recipient};
use crate::passwords;
use crate::rate_limit::{self, Counted};

/// For how long documents can be handed in by the link that is mailed to who registers without.
const LINK_LIFETIME_SECONDS: i64 = 30 * 24 * 60 * 60;

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct RegisterBody {
    #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
    email: EmailAddress,
    #[schema(format = Password)]
    password: String,
    name: PersonName,
    /// `STUDENT` when absent.
    #[deserr(default)]
    role: Option<ResidentRole>,
    #[deserr(default)]
    company_slug: Option<String>,
    #[deserr(default)]
    documents: Option<Vec<DocumentBody>>,
}

/// As a form: the account as JSON, the documents as files.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)] // read part by part
pub struct RegisterForm {
    account: RegisterAccount,
    #[schema(value_type = Vec<String>, format = Binary, content_media_type = "application/octet-stream")]
    documents: Vec<u8>,
    /// The type of each document, in their order, separated by commas; `OTHER` where there is none.
    #[schema(nullable = false)]
    document_types: Option<String>,
}

/// What a form has in its part `account`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)] // the schema of the part; it is read as a `RegisterBody`
pub struct RegisterAccount {
    email: EmailAddress,
    password: String,
    name: PersonName,
    role: Option<ResidentRole>,
    company_slug: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    user: RegisteredUser,
    documents: Vec<DocumentView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RegisteredUser {
    #[serde(flatten)]
    user: UserRecord,
    documents: Vec<DocumentView>,
}

/// The answer that doesn't tell whether the address had an account (`REGISTRATION_DISCLOSURE=hidden`).
#[derive(Serialize, ToSchema)]
pub struct RegistrationTaken {
    message: &'static str,
}

struct Registration {
    account: RegisterBody,
    documents: Vec<CheckedDocument>,
}

/// Register with documents, or be mailed a link to hand them in.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "auth",
    request_body(content((RegisterBody = "application/json"), (RegisterForm = "multipart/form-data"))),
    responses(
        (status = 201, body = Registered),
        (status = 202, body = RegistrationTaken, description = "With REGISTRATION_DISCLOSURE=hidden, whether the address is free or taken"),
        (status = 409),
        (status = 429)
    ),
    security(())
)]
pub async fn register_user(State(app): State<App>, caller: Caller, request: Request) -> ApiResult {
    let Registration { account, documents } = read(request).await?;
    let owner = Owner {
        email: &account.email,
        name: account.name.as_str(),
    };
    let password = passwords::check_new(&app, "password", &account.password, owner)?;
    let company = company_of(&app, &account)?;
    let within_limit = rate_limit::count(&app, Counted::Registration, account.email.key(), &caller)?;
    let disclosure = app.config().get(&settings::REGISTRATION_DISCLOSURE)?;
    if disclosure == Disclosure::Open && users::by_email(app.database(), &account.email)?.is_some() {
        return Err(taken());
    }
    let password_hash = passwords::hash(&app, &password)?;
    let documents = upload::store(&app, documents).await?;
    let registered = store(&app, &caller, &account, company.as_ref(), &password_hash, &documents);
    let answer = match (registered, disclosure) {
        (Ok(user), Disclosure::Open) => respond::created(&Registered::new(user, documents)),
        (Ok(_), Disclosure::Hidden) => hidden(),
        (Err(error), Disclosure::Hidden) if users::is_email_taken(&error) => {
            tell_owner(&app, &account, &documents, within_limit)?;
            hidden()
        }
        (Err(error), _) => {
            documents::discard(app.database(), &documents, clock::now())?;
            return Err(if users::is_email_taken(&error) {
                taken()
            } else {
                error.into()
            });
        }
    };
    Ok(nudge_mail(answer))
}

async fn read(request: Request) -> Result<Registration, ApiError> {
    if upload::is_form(&request) {
        let mut form = upload::read_form(request, &["account"]).await?;
        let text = form
            .texts
            .remove("account")
            .ok_or_else(|| ApiError::field("account", Invalid::new("REQUIRED", "is required")))?;
        let account: RegisterBody = nexus_kit::extract::parse_json(&text)?;
        if account.documents.is_some() {
            return Err(ApiError::field(
                "documents",
                Invalid::new("UNKNOWN_PROPERTY", "are parts of the form of their own"),
            ));
        }
        return Ok(Registration {
            account,
            documents: form.checked_documents()?,
        });
    }
    let Json(mut account) = Json::<RegisterBody, JSON_UPLOAD_LIMIT>::from_request(request, &()).await?;
    let documents = upload::check_bodies(account.documents.take().unwrap_or_default())?;
    Ok(Registration { account, documents })
}

/// The company that is asked for, if its rules let this address in.
fn company_of(app: &App, account: &RegisterBody) -> Result<Option<CompanyForRegistration>, ApiError> {
    let Some(slug) = &account.company_slug else {
        return Ok(None);
    };
    let company = companies::by_slug(app.database(), slug)?
        .filter(|company| company.is_active)
        .ok_or_else(|| {
            ApiError::field(
                "companySlug",
                Invalid::new("UNKNOWN_COMPANY", "is no company that takes registrations"),
            )
        })?;
    if !domain_allowed(&company.allowed_email_domains, &account.email) {
        return Err(ApiError::field("email", domain_refused()));
    }
    Ok(Some(company))
}

pub fn domain_allowed(allowed: &[String], email: &EmailAddress) -> bool {
    allowed.is_empty()
        || allowed
            .iter()
            .any(|domain| ascii_domain(domain).is_some_and(|domain| domain == email.domain()))
}

pub fn domain_refused() -> Invalid {
    Invalid::new(
        "EMAIL_DOMAIN_NOT_ALLOWED",
        "must be an address of one of the company's domains",
    )
}

/// User, case, documents, audit entry and mails: one commit.
fn store(
    app: &App,
    caller: &Caller,
    account: &RegisterBody,
    company: Option<&CompanyForRegistration>,
    password_hash: &str,
    documents: &[NewDocument],
) -> Result<UserRecord, StoreError> {
    // Failures to compose are the operator's (a setting), and are told as such.
    let composed = compose(app, account, company).map_err(|problem| StoreError::Unavailable {
        reason: problem.cause().unwrap_or("the mail could not be composed").to_owned(),
    })?;
    let now = clock::now();
    app.database().transaction(|tx| {
        let user = users::insert(
            tx,
            &NewUser {
                id: composed.id,
                email: &account.email,
                name: account.name.as_str(),
                role: account.role.map_or(Role::Student, Role::from),
                company: company.map(|company| company.id),
                status: UserStatus::Pending,
                password_hash,
                email_verified: false,
                document_verified: false,
                locale: "en",
                now,
            },
        )?;
        documents::insert_case(tx, user.id, documents, now)?;
        one_time_codes::put(
            tx,
            &NewCode {
                user: user.id,
                purpose: Purpose::VerifyEmail,
                code_hash: &composed.code_hash,
                new_email: None,
                now,
                expires_at: now.plus_seconds(LIFETIME_SECONDS),
            },
        )?;
        composed.otp_mail.enqueue(tx)?;
        if documents.is_empty() {
            let hash = LinkToken::hash(composed.link.as_str());
            documents::insert_link(tx, &hash, user.id, now, now.plus_seconds(LINK_LIFETIME_SECONDS))?;
            composed.link_mail.enqueue(tx)?;
        }
        audit::append(
            tx,
            &NewAuditEntry {
                action: "user.registered",
                subject_type: "user",
                subject_id: user.id.to_string(),
                company: user.company_id,
                details: serde_json::json!({ "role": user.role, "documents": documents.len() }),
                ..caller.audit_entry(Some(user.id), now)
            },
        )?;
        Ok(user)
    })
}

/// All that is made before the transaction begins.
struct Composed {
    id: UserId,
    code_hash: [u8; 32],
    otp_mail: Mail,
    link: LinkToken,
    link_mail: Mail,
}

fn compose(app: &App, account: &RegisterBody, company: Option<&CompanyForRegistration>) -> Result<Composed, ApiError> {
    let id = clock::new_id(UserId::generate);
    let to = Recipient {
        user: Some(id),
        company: company.map(|company| company.id),
        address: account.email.as_str().to_owned(),
        name: account.name.as_str().to_owned(),
        locale: "en".to_owned(),
    };
    let code = mails::new_code();
    let link = LinkToken::new(clock::random());
    Ok(Composed {
        id,
        code_hash: mails::code_hash(app, id, Purpose::VerifyEmail, &code)?,
        otp_mail: Mail::verification_otp(app, to.clone(), &code)?,
        link_mail: Mail::documents_requested(app, to, link.as_str())?,
        link,
    })
}

impl Registered {
    fn new(user: UserRecord, documents: Vec<NewDocument>) -> Self {
        let documents: Vec<DocumentView> = documents.into_iter().map(DocumentView::from).collect();
        Self {
            user: RegisteredUser {
                user,
                documents: documents.clone(),
            },
            documents,
        }
    }
}

fn taken() -> ApiError {
    ApiError::new(
        Code::EmailTaken,
        "This e-mail address has an account already. Sign in, or reset the password.",
    )
}

fn hidden() -> Response {
    respond::accepted(&RegistrationTaken {
        message: "Thank you. What happens next is in a mail to the address that you gave.",
    })
}

/// The owner of a taken address learns of the attempt (of a few; this is not to fill mailboxes with); whoever attempted it
/// does not.
///
/// As many rows are written as for a free address, in one commit.
fn tell_owner(
    app: &App,
    account: &RegisterBody,
    documents: &[NewDocument],
    within_limit: bool,
) -> Result<(), ApiError> {
    let Some(owner) = users::by_email(app.database(), &account.email)? else {
        return Ok(());
    };
    let mail = Mail::registration_attempted(app, Recipient::from(&owner))?;
    let filler = Mail::registration_attempted(app, Recipient::from(&owner))?;
    let now = clock::now();
    let hash = mails::code_hash(app, owner.id, Purpose::VerifyEmail, &mails::new_code())?;
    app.database().transaction(|tx| {
        documents::discard(tx, documents, now)?;
        // In place of the person, the case and the audit entry.
        for _ in 0..2 {
            let link = hex::encode(clock::random::<32>());
            filler.pretend_link(tx, &link)?;
        }
        filler.pretend_code(tx, Purpose::VerifyEmail, &hash)?;
        if within_limit {
            mail.enqueue(tx)?;
        } else {
            mail.pretend(tx)?;
        }
        if documents.is_empty() {
            filler.pretend_link(tx, &hex::encode(clock::random::<32>()))?;
            filler.pretend(tx)?;
        }
        Ok::<_, ApiError>(())
    })
}
