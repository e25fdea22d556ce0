//! What tenants are told of their invoices and payments: a mail each, and a notification to those who have
//! an account. Both are written, for any number of tenants, in the transaction of what they tell of.

use nexus_domain::Timestamp;
use nexus_domain::date::Date;
use nexus_domain::email::{self, key_of};
use nexus_domain::ids::{MailId, NotificationId, TenantId, UserId};
use nexus_domain::invoice::Invoice;
use nexus_domain::money::Money;
use nexus_domain::notification_kind::NotificationKind;
use nexus_domain::person_name::Locale;
use serde_json::json;

use crate::property::company_state::CompanyToday;
use crate::property::maintenance::folded;
use crate::{StoreError, Transaction, params};

pub use nexus_domain::ledger_texts::Event;

/// The mail's template.
fn template(event: Event) -> &'static str {
    match event {
        Event::Issued => "invoice-issued",
        Event::Paid => "payment-receipt",
        Event::Reminder => "payment-reminder",
        Event::Overdue => "payment-overdue",
    }
}

/// The notification's kind.
fn kind(event: Event) -> NotificationKind {
    match event {
        Event::Issued => NotificationKind::InvoiceIssued,
        Event::Paid => NotificationKind::PaymentRecorded,
        Event::Reminder => NotificationKind::PaymentReminder,
        Event::Overdue => NotificationKind::InvoiceOverdue,
    }
}

/// One thing to tell one tenant.
#[derive(Debug, Clone)]
pub struct Notice {
    pub event: Event,
    pub tenant: TenantId,
    pub invoice_number: String,
    pub amount: Money,
    pub due_date: Date,
    /// A path within the console.
    pub path: String,
}

impl Notice {
    /// About an invoice and an amount of it: its total, a payment, or what is left to pay.
    pub fn about(event: Event, invoice: &Invoice, amount: Money) -> Self {
        Self {
            event,
            tenant: invoice.tenant_id,
            invoice_number: invoice.invoice_number.clone().unwrap_or_default(),
            amount,
            due_date: invoice.due_date,
            path: format!("/invoices/{}", invoice.id),
        }
    }
}

/// A notification that was written, for the sockets to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentNotice {
    pub user: UserId,
    pub kind: NotificationKind,
    pub title: String,
    pub body: String,
    pub link: String,
    pub at: Timestamp,
}

/// What a transaction needs besides the database: random bits for ids, and where the console is.
pub struct NoticeContext<'a> {
    pub random: &'a dyn Fn() -> [u8; 10],
    /// Where links in mails lead: scheme, host and port.
    pub console: &'a str,
}

/// How long a mail about money is worth being sent.
const MAIL_LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// Three statements for any number of notices.
pub fn tell(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    means: &NoticeContext<'_>,
    notices: &[Notice],
) -> Result<Vec<SentNotice>, StoreError> {
    if notices.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<TenantId> = notices.iter().map(|notice| notice.tenant).collect();
    // Index: UNIQUE (company_id, id) of tenants, once per notice, in the notices' order.
    let people = tx.query(
        "SELECT t.full_name, t.email, t.user_id, coalesce(u.locale, 'en') FROM json_each(?2) j \
         CROSS JOIN tenants t ON t.company_id = ?1 AND t.id = j.value LEFT JOIN users u ON u.id = t.user_id ORDER BY j.key",
        params![day.id, json!(ids).to_string()],
    )?;
    let (mut mails, mut told, mut notifications) = (Vec::new(), Vec::new(), Vec::new());
    for (notice, person) in notices.iter().zip(&people) {
        let (name, email): (String, String) = (person.get(0)?, person.get(1)?);
        let (user, locale): (Option<UserId>, Locale) = (person.parse_opt(2)?, person.parse(3)?);
        let amount = day.currency.format(notice.amount);
        mails.push(json!({
            "id": MailId::generate(day.now, (means.random)()),
            "user": user,
            "email": &email,
            "key": key_of(&email),
            "folded": email::folded(&email),
            "name": &name,
            "template": template(notice.event),
            "locale": locale.as_str(),
            "params": {
                "companyName": &day.name,
                "tenantName": &name,
                "invoiceNumber": &notice.invoice_number,
                "amount": &amount,
                "currency": day.currency,
                "dueDate": notice.due_date,
                "link": format!("{}{}", means.console, notice.path),
            },
        }));
        if let Some(user) = user {
            let title = notice.event.title(locale, &notice.invoice_number);
            let amount = format!("{amount} {}", day.currency);
            let body = notice.event.body(locale, &amount, notice.due_date, &day.name);
            notifications.push(json!({
                "id": NotificationId::generate(day.now, (means.random)()),
                "user": user,
                "kind": kind(notice.event),
                "title": &title,
                "body": &body,
                "folded": folded(&title, &body),
                "link": &notice.path,
            }));
            told.push(SentNotice {
                user,
                kind: kind(notice.event),
                title,
                body,
                link: notice.path.clone(),
                at: day.now,
            });
        }
    }
    tx.execute(
        "INSERT INTO outbox (id, company_id, user_id, recipient, recipient_key, recipient_folded, recipient_name, template, \
         locale, params, created_at, next_attempt_at, expires_at) \
         SELECT value ->> 'id', ?2, value ->> 'user', value ->> 'email', value ->> 'key', value ->> 'folded', value ->> 'name', \
         value ->> 'template', value ->> 'locale', value -> 'params', ?3, ?3, ?4 FROM json_each(?1)",
        params![
            serde_json::Value::from(mails).to_string(),
            day.id,
            day.now,
            day.now.plus_seconds(MAIL_LIFETIME_SECONDS)
        ],
    )?;
    if !notifications.is_empty() {
        tx.execute(
            "INSERT INTO notifications (id, user_id, kind, title, body, folded, link, created_at) \
             SELECT value ->> 'id', value ->> 'user', value ->> 'kind', value ->> 'title', value ->> 'body', \
             value ->> 'folded', value ->> 'link', ?2 FROM json_each(?1)",
            params![serde_json::Value::from(notifications).to_string(), day.now],
        )?;
    }
    Ok(told)
}
