//! What the scheduler calls, signed. Each job may run twice, or on two nodes at once: its work is marked done in
//! the transaction that does it.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use nexus_domain::company::Company;
use nexus_domain::ids::CompanyId;
use nexus_domain::invoice::Invoice;
use nexus_kit::internal::Trigger;
use nexus_kit::layers::nudge_mail;
use nexus_kit::log::{self, Level};
use nexus_kit::{ApiError, ApiResult, App, Caller, clock, respond, write_permit};
use nexus_store::property::billing::MonthBatch;
use nexus_store::property::company_state::{self, CompanyToday};
use nexus_store::property::ledger_notices::{NoticeContext, SentNotice};
use nexus_store::{
    Transaction,
    property::{billing, company_settings, job_rounds},
};
use serde_json::json;

use super::invoice_actions::note_generated;
use crate::audit::{AuditWriter, COMPANY};
use crate::notify;

/// How long one call goes on beginning with further companies. What is left is done at the next one: those that are
/// done already cost it next to nothing.
const BUDGET: Duration = Duration::from_secs(3);

/// How much was done for one company, and who was told.
type Worked = Result<(usize, Vec<SentNotice>), ApiError>;

async fn for_every_company(
    app: App,
    job: &str,
    work: impl FnMut(&CompanyToday, &Company, &NoticeContext<'_>) -> Worked,
) -> ApiResult {
    let began = Instant::now();
    sweep(&app, job, || began.elapsed() >= BUDGET, work).await
}

/// Runs `work` for every company that is open, each in transactions of its own, until its time is over; the next call
/// goes on from there. What fails for one company keeps no other waiting; the answer then says so.
pub async fn sweep(
    app: &App,
    job: &str,
    mut is_over: impl FnMut() -> bool,
    mut work: impl FnMut(&CompanyToday, &Company, &NoticeContext<'_>) -> Worked,
) -> ApiResult {
    let console = notify::console(app)?;
    let open = job_rounds::companies(app.database(), job)?;
    let (all, mut last) = (open.len(), None);
    let (mut companies, mut done, mut failed) = (0, 0, 0);
    let (mut progress, mut failure) = (false, None);
    for id in open {
        // One at least, or a slow machine would never get anywhere.
        if companies > 0 && is_over() {
            break;
        }
        companies += 1;
        let turn = write_permit().await;
        // Written down before the first as well: should it be one on which the call dies, the next begins behind it.
        if last.replace(id).is_none() {
            job_rounds::came_to(app.database(), job, id)?;
        }
        let one = work_for(app, id, &console, &mut work);
        drop(turn);
        match one {
            Ok(one) => {
                progress |= one.new_day || one.count > 0;
                done += one.count;
                notify::publish(app, one.told);
            }
            Err(fault) => {
                let answer = fault.into_response();
                complain(id, &answer);
                failed += 1;
                failure = Some(answer);
            }
        }
    }
    let left = all - companies;
    if let Some(last) = last.filter(|_| left > 0) {
        let _turn = write_permit().await;
        job_rounds::came_to(app.database(), job, last)?;
    }
    // At once again while that finds work. Where it finds none all seem done, and the next period's call goes on from
    // here: with more companies than one call can look at, there is always something left, and it would be asked
    // without a pause for ever.
    let more = left > 0 && progress;
    let answer = match failure {
        // Said when there is nothing else to do: after an error the scheduler waits, and so would those that are left.
        Some(failure) if !more => failure,
        _ => {
            respond::ok(&json!({ "companies": companies, "done": done, "failed": failed, "left": left, "more": more }))
        }
    };
    // Also after a failure: the mails of the others, and of its first batches, are there.
    Ok(nudge_mail(answer))
}

#[derive(Default)]
struct Done {
    count: usize,
    told: Vec<SentNotice>,
    /// Its statuses had to be moved on, which is work too.
    new_day: bool,
}

/// Nothing, where the company went in between.
fn work_for(
    app: &App,
    id: CompanyId,
    console: &str,
    work: &mut impl FnMut(&CompanyToday, &Company, &NoticeContext<'_>) -> Worked,
) -> Result<Done, ApiError> {
    let database = app.database();
    let (Some(opened), Some(company)) = (
        company_state::open(database, id, clock::now())?,
        company_settings::find(database, id)?,
    ) else {
        return Ok(Done::default());
    };
    let (count, told) = work(&opened.day, &company, &notify::means(console))?;
    Ok(Done {
        count,
        told,
        new_day: opened.is_new,
    })
}

/// The log's line about each company that failed: the answer can tell of one only, and doesn't say whose it is.
fn complain(company: CompanyId, answer: &Response) {
    let cause = answer.extensions().get::<ApiError>().and_then(ApiError::cause);
    let fields = json!({ "company": company, "cause": cause });
    log::write(Level::Error, "jobs", "a job failed for a company", fields);
}

/// Marks what is overdue (opening the day does) and tells the tenants once.
pub async fn overdue(State(app): State<App>, _: Trigger) -> ApiResult {
    let database = app.clone();
    for_every_company(app, "overdue", |day, _, means| {
        Ok(billing::tell_overdue(database.database(), day, means)?)
    })
    .await
}

/// Reminds tenants once of what is due soon.
pub async fn reminders(State(app): State<App>, _: Trigger) -> ApiResult {
    let database = app.clone();
    for_every_company(app, "reminders", |day, company, means| {
        Ok(billing::remind(database.database(), day, company, means)?)
    })
    .await
}

/// Charges one late fee per invoice that is late beyond the days of grace.
pub async fn late_fees(State(app): State<App>, caller: Caller, _: Trigger) -> ApiResult {
    let (database, audit) = (app.clone(), AuditWriter::new(None, caller));
    for_every_company(app, "late-fees", |day, company, means| {
        let noted = |tx: &Transaction<'_>, fees: &[Invoice]| {
            let numbers: Vec<_> = fees.iter().map(|fee| &fee.invoice_number).collect();
            audit.note(
                tx,
                day.id,
                &COMPANY,
                "late_fees_charged",
                day.id,
                json!({ "invoices": numbers }),
            )
        };
        Ok(billing::charge_late_fees(
            database.database(),
            day,
            company,
            means,
            noted,
        )?)
    })
    .await
}

/// Issues the present month's rent invoices where companies want that.
pub async fn monthly_invoices(State(app): State<App>, caller: Caller, _: Trigger) -> ApiResult {
    let (database, audit) = (app.clone(), AuditWriter::new(None, caller));
    for_every_company(app, "monthly-invoices", |day, company, means| {
        if !company.billing.automatic {
            return Ok((0, Vec::new()));
        }
        let month = day.today.month();
        let noted = |tx: &Transaction<'_>, batch: &MonthBatch| note_generated(&audit, tx, day, month, batch);
        let generated = billing::generate_month(database.database(), day, company, means, month, noted)?;
        Ok((generated.created, generated.told))
    })
    .await
}
