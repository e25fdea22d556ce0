//! Approve and reject.

use nexus_protocol::EventName;
use std::borrow::Cow;

use axum::extract::State;
use deserr::Deserr;
use http::StatusCode;
use nexus_domain::document::LinkToken;
use nexus_domain::ids::{CompanyId, MailId, NotificationId, UserId, uuid_v7};
use nexus_domain::password::Password;
use nexus_domain::password_hash::Hashing;
use nexus_domain::settings;
use nexus_domain::text::{has_visible, without_overrides};
use nexus_domain::{Invalid, Role, Timestamp, temporary_password};
use nexus_kit::audit::seal_for_mail;
use nexus_kit::idempotency::Keyed;
use nexus_kit::layers::nudge_mail;
use nexus_kit::patch::RawJson;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Path, Session, clock, relay};
use nexus_protocol::relay::RelayEvent;
use nexus_store::identity::users::UserRecord;
use nexus_store::verification::{self, Approval, Decided, Decider, DecisionError, DecisionMail, Rejection};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::users::check_company;
use super::verifications::ReviewedDocument;

/// As long as the person may take to hand in other documents.
pub const LINK_SECONDS: i64 = 30 * 24 * 60 * 60;
const DEFAULT_REASON: &str = "The documents could not be verified.";
const MAX_REASON: usize = 1_000;

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ApproveRequest {
    /// Instead of the role that the person asked for; never above the admin's own.
    #[deserr(default)]
    role: Option<Role>,
    /// Instead of the company that the person named.
    #[schema(value_type = Option<String>, format = "uuid")]
    #[deserr(default)]
    company_id: Option<CompanyId>,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct RejectRequest {
    /// Sent to the person; a default text stands in for it.
    #[schema(max_length = 1000)]
    #[deserr(default)]
    reason: Option<String>,
}

/// The person and their documents after a decision.
#[derive(Serialize, ToSchema)]
pub struct DecidedView {
    user: UserRecord,
    documents: Vec<ReviewedDocument>,
}

impl From<&Decided> for DecidedView {
    fn from(decided: &Decided) -> Self {
        Self {
            user: decided.user.clone(),
            documents: decided.documents.iter().cloned().map(ReviewedDocument::from).collect(),
        }
    }
}

/// Lets a person in: their account is active, and a temporary password is on its way to them.
#[utoipa::path(
    post, path = "/api/v1/admin/verifications/{userId}/approve", tag = "verification",
    params(("userId" = String, Path, format = "uuid"), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = ApproveRequest, description = "may be absent"),
    responses(
        (status = 200, body = DecidedView),
        (status = 409, description = "decided already, or without documents")
    )
)]
pub async fn approve_verification(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(user): Path<UserId>,
    keyed: Result<Keyed<RawJson>, ApiError>,
) -> ApiResult {
    let scope = authorize(&app, &session, user)?;
    let Keyed { body, key } = keyed?;
    check_company(&app, scope, &body)?;
    let body: ApproveRequest = body.read()?;
    if body.role.is_some_and(|role| !session.role().at_least(role)) {
        return Err(ApiError::forbidden());
    }
    let done = key.once_unbatched(&app, session.user(), |ticket| {
        approve(&app, &session, &caller, scope, user, &body, |tx, decided| {
            ticket.keep(tx, StatusCode::OK, &DecidedView::from(decided))
        })
    })?;
    Ok(done.finish(|response, decided| {
        notify(&app, &decided);
        nudge_mail(response)
    }))
}

fn authorize(app: &App, session: &Session, user: UserId) -> Result<Option<CompanyId>, ApiError> {
    let scope = session.scope()?;
    // Another company's id is 404 before anything else is judged.
    verification::find(app.database(), user, scope)?.ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    Ok(scope)
}

fn approve(
    app: &App,
    session: &Session,
    caller: &Caller,
    scope: Option<CompanyId>,
    user: UserId,
    body: &ApproveRequest,
    and_then: impl FnOnce(&nexus_store::Transaction<'_>, &Decided) -> Result<(), nexus_store::StoreError>,
) -> Result<Decided, ApiError> {
    // Hashing is most of the work here; not for a case that is decided already.
    verification::check_open(app.database(), user, scope).map_err(explain)?;
    let now = clock::now();
    let password = temporary_password::generate(random_bytes());
    let password_hash = hash(app, &password)?;
    let expires_at = temporary_password::expires_at(now);
    let mail = clock::new_id(MailId::generate);
    let approval = Approval {
        role: body.role,
        company: body.company_id,
        password_hash: &password_hash,
        password_expires_at: expires_at,
        mail: DecisionMail {
            id: mail,
            params: json!({ "expiresAt": expires_at }),
            sealed: seal_for_mail(app, mail, &json!({ "temporaryPassword": password }))?,
        },
    };
    let decider = decider(session, caller, scope, now);
    verification::approve(app.database(), user, &decider, &approval, and_then).map_err(explain)
}

/// Turns the documents down; the person is told why and gets a link to hand in others.
#[utoipa::path(
    post, path = "/api/v1/admin/verifications/{userId}/reject", tag = "verification",
    params(("userId" = String, Path, format = "uuid"), ("Idempotency-Key" = Option<String>, Header)),
    request_body(content = RejectRequest, description = "may be absent"),
    responses(
        (status = 200, body = DecidedView),
        (status = 409, description = "decided already, or there are no documents")
    )
)]
pub async fn reject_verification(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(user): Path<UserId>,
    keyed: Result<Keyed<RejectRequest>, ApiError>,
) -> ApiResult {
    let scope = authorize(&app, &session, user)?;
    let Keyed { body, key } = keyed?;
    let given = reason(body.reason.as_deref())?;
    let reason = given.as_deref().unwrap_or(DEFAULT_REASON);
    let now = clock::now();
    let token = LinkToken::new(clock::random());
    let mail = clock::new_id(MailId::generate);
    let rejection = Rejection {
        reason,
        link_hash: &LinkToken::hash(token.as_str()),
        link_expires_at: now.plus_seconds(LINK_SECONDS),
        mail: DecisionMail {
            id: mail,
            // Without a reason of their own, the mail says it in the person's language.
            params: json!({ "reason": given }),
            sealed: seal_for_mail(&app, mail, &json!({ "token": token.as_str() }))?,
        },
    };
    let decider = decider(&session, &caller, scope, now);
    let done = key.once_unbatched(&app, session.user(), |ticket| {
        verification::reject(app.database(), user, &decider, &rejection, |tx, decided| {
            ticket.keep(tx, StatusCode::OK, &DecidedView::from(decided))
        })
        .map_err(explain)
    })?;
    Ok(done.finish(|response, decided| {
        notify(&app, &decided);
        nudge_mail(response)
    }))
}

/// Tells the person's sockets what was written down for them.
fn notify(app: &App, decided: &Decided) {
    let told = &decided.notification;
    let data = json!({
        "kind": told.kind,
        "title": told.title,
        "body": told.body,
        "link": told.link,
        "timestamp": told.created_at,
    });
    let event = RelayEvent::ToUsers {
        user_ids: vec![told.user_id],
        event: EventName::Notification,
        data,
    };
    relay::publish(app, vec![event]);
}

/// As the admin wrote it; nothing but spaces is no reason.
fn reason(given: Option<&str>) -> Result<Option<Cow<'_, str>>, ApiError> {
    given
        .map(str::trim)
        .filter(|text| has_visible(text))
        .map(check_reason)
        .transpose()
}

/// A text that people are shown: bounded, without control characters other than line breaks, and without what would turn
/// its direction.
pub fn check_reason(reason: &str) -> Result<Cow<'_, str>, ApiError> {
    let refused = |code, message: String| Err(ApiError::field("reason", Invalid::new(code, message)));
    if reason.chars().count() > MAX_REASON {
        return refused("TOO_LONG", format!("must have at most {MAX_REASON} characters"));
    }
    if reason
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return refused("INVALID_CHARACTER", "must not contain control characters".into());
    }
    Ok(without_overrides(reason))
}

fn decider<'a>(session: &Session, caller: &'a Caller, scope: Option<CompanyId>, at: Timestamp) -> Decider<'a> {
    Decider {
        by: session.user(),
        scope,
        at,
        ip: &caller.address,
        request_id: &caller.request_id,
        audit_id: clock::new_id(nexus_domain::ids::AuditId::generate),
        decision_id: clock::new_id(uuid_v7),
        notification_id: clock::new_id(NotificationId::generate),
    }
}

/// Random bytes without end, a block at a time.
fn random_bytes() -> impl FnMut() -> u8 {
    let mut block = clock::random::<64>().into_iter();
    move || loop {
        match block.next() {
            Some(byte) => return byte,
            None => block = clock::random::<64>().into_iter(),
        }
    }
}

fn hash(app: &App, password: &str) -> Result<String, ApiError> {
    let config = app.config();
    Hashing::new(
        config.get(&settings::PASSWORD_HASH)?,
        config.get(&settings::BCRYPT_COST)?,
    )
    .hash(&Password::typed(password), clock::random())
    .map_err(|error| ApiError::internal(error.to_string()))
}

fn explain(error: DecisionError) -> ApiError {
    match error {
        DecisionError::NoCase => ApiError::not_found(),
        DecisionError::NoCompany => ApiError::not_found_in("companyId"),
        DecisionError::AlreadyDecided => ApiError::new(Code::AlreadyDecided, "This case is decided already."),
        DecisionError::NoDocuments => {
            ApiError::new(Code::NoDocuments, "This person has not handed in any documents yet.")
        }
        DecisionError::NotPending => ApiError::new(Code::Conflict, "This account is not waiting for verification."),
        DecisionError::CompanyNeeded => ApiError::field(
            "companyId",
            Invalid::new("REQUIRED", "is required: people of staff belong to a company"),
        ),
        DecisionError::Store(error) => error.into(),
    }
}
