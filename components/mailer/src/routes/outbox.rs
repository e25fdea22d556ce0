//! The outbox as admins see it: addresses and fates, never what a mail says.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::ids::MailId;
use nexus_domain::mail::{MailStatus, Template};
use nexus_domain::page::{Flag, Limit, Search, Sort};
use nexus_domain::{Role, Timestamp};
use nexus_kit::csv_pages;
use nexus_kit::layers::nudge_mail;
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page};
use nexus_kit::problem::ProblemDocument;
use nexus_kit::{Answer, App, Caller, Code, FieldErrors, Path, Problem, Query, Session, clock, respond};
use nexus_store::mail_admin::{self, OutboxItem, OutboxList, RetryError};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::{act, letter};

/// A mail of the outbox.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxView {
    #[schema(value_type = String, format = "uuid")]
    id: MailId,
    to: String,
    template: String,
    status: MailStatus,
    attempts: u32,
    last_error: Option<String>,
    next_attempt_at: Timestamp,
    sent_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<OutboxItem> for OutboxView {
    fn from(item: OutboxItem) -> Self {
        Self {
            id: item.id,
            to: item.to,
            template: item.template,
            status: item.status,
            attempts: item.attempts,
            last_error: item.last_error,
            next_attempt_at: item.next_attempt_at,
            sent_at: item.sent_at,
            created_at: item.created_at,
        }
    }
}

#[derive(Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct OutboxQuery {
    #[deserr(default)]
    status: Option<MailStatus>,
    #[deserr(default)]
    template: Option<String>,
    /// In the recipient's address.
    #[param(value_type = Option<String>)]
    #[deserr(default)]
    q: Option<Search>,
    /// `createdAt` or `-createdAt`.
    #[deserr(default)]
    sort: Option<String>,
    #[deserr(default)]
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    #[deserr(default)]
    limit: Option<Limit>,
    #[param(value_type = Option<bool>)]
    #[deserr(default)]
    with_total: Option<Flag>,
}

/// Mails of one's company.
#[utoipa::path(get, path = "/api/v1/admin/mail", tag = "admin", params(OutboxQuery), responses(
    (status = 200, body = Page<OutboxView>),
    (status = 400, body = ProblemDocument),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
))]
pub async fn list_mail(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<OutboxQuery>,
) -> Answer<Response> {
    session.require(Role::Admin)?;
    let sort = Sort::parse(query.sort.as_deref(), &["createdAt"], "-createdAt")
        .map_err(|invalid| Problem::field("sort", invalid))?;
    let name = format!("mail:{}", sort.text());
    let after = query.cursor.as_deref().map(|cursor| {
        let [id] = page::decode::<1>(&name, cursor)?;
        id.as_str().and_then(|id| id.parse().ok()).ok_or_else(page::bad_cursor)
    });
    let limit = query.limit.unwrap_or_default();
    let list = OutboxList {
        scope: session.scope()?,
        status: query.status,
        template: query.template,
        search: query.q.as_ref().map(|q| q.pattern().to_owned()),
        sort,
        after: after.transpose()?,
        limit: limit.and_one(),
    };
    if accepts_csv(&headers) {
        return csv(app, list);
    }
    let rows = mail_admin::list(app.database(), &list)?;
    let counted = query.with_total.unwrap_or_default().is_set();
    let total = counted.then(|| mail_admin::count(app.database(), &list)).transpose()?;
    let page = Page::of(rows, limit, total, &name, |row| vec![row.id.to_string().into()]);
    Ok(respond::ok(&page.map(OutboxView::from)))
}

const COLUMNS: &[&str] = &[
    "id",
    "to",
    "template",
    "status",
    "attempts",
    "lastError",
    "nextAttemptAt",
    "sentAt",
    "createdAt",
];

fn csv(app: App, list: OutboxList) -> Answer<Response> {
    let mut list = OutboxList {
        after: None,
        limit: csv_pages::ROWS,
        ..list
    };
    csv_pages::answer("mail", COLUMNS, move || {
        let rows = mail_admin::list(app.database(), &list)?;
        list.after = rows.last().map(|mail| mail.id);
        Ok(rows.into_iter().map(OutboxView::from).collect())
    })
}

/// Another try for a mail that was given up. One that was sent is never sent again.
#[utoipa::path(post, path = "/api/v1/admin/mail/{id}/retry", tag = "admin", params(("id" = String, Path, format = "uuid")), responses(
    (status = 200, body = OutboxView),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
    (status = 404, body = ProblemDocument),
    (status = 422, body = ProblemDocument, description = "it is sent or still waiting, or its secret is gone"),
))]
pub async fn retry_mail(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(id): Path<MailId>,
) -> Answer<Response> {
    session.require(Role::Admin)?;
    let entry = act::entry(Some(session.user()), &caller, clock::now());
    let needs_secret = |template: &str| {
        template
            .parse::<Template>()
            .is_ok_and(|known| letter::needed_secret(known).is_some())
    };
    let item = mail_admin::retry(app.database(), id, session.scope()?, needs_secret, &entry).map_err(explain)?;
    Ok(nudge_mail(respond::ok(&OutboxView::from(item))))
}

fn explain(error: RetryError) -> Problem {
    match error {
        RetryError::NoMail => Problem::not_found(),
        RetryError::InvalidTransition(status) => Problem::new(
            Code::InvalidTransition,
            format!("A mail that is {status} is not sent again."),
        ),
        RetryError::SecretGone => Problem::new(
            Code::InvalidTransition,
            "What this mail would say has expired and was wiped. Repeat what caused it instead.",
        ),
        RetryError::Store(error) => error.into(),
    }
}
