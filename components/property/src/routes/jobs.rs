//! What the scheduler calls, signed. Each job may run twice, or on two nodes at once: its work is marked done in
//! the transaction that does it.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use nexus_domain::company::Company;
use nexus_domain::invoice::Invoice;
use nexus_kit::layers::{nudge_mail, signed_body};
use nexus_kit::{App, Caller, clock, respond, turn};
use nexus_store::company_day::{self, CompanyDay};
use nexus_store::ledger_notices::{Means, Told};
use nexus_store::{Transaction, billing, company_settings};
use serde_json::json;

use super::invoice_actions::note_generated;
use crate::fault::{Fault, Outcome};
use crate::record::{COMPANY, Scribe};
use crate::telling;

const LARGEST_BODY: usize = 1024;
/// How long one call goes on beginning with further companies. What is left is done at the next one: those that are
/// done already cost it next to nothing.
const BUDGET: Duration = Duration::from_secs(3);

/// Runs `work` for every company that is open, each in transactions of its own. What fails for one company keeps no
/// other waiting; the answer then says so.
async fn for_every_company(
    app: App,
    request: Request,
    mut work: impl FnMut(&CompanyDay, &Company, &Means<'_>) -> Result<(usize, Vec<Told>), Fault>,
) -> Outcome {
    signed_body(&app, request, LARGEST_BODY).await?;
    let console = telling::console(&app)?;
    let began = Instant::now();
    let (mut companies, mut done, mut failed) = (0, 0, None);
    let open = company_day::active_companies(app.database())?;
    let all = open.len();
    for id in open {
        if began.elapsed() > BUDGET {
            break;
        }
        companies += 1;
        let turn = turn().await;
        let (Some(day), Some(company)) = (
            company_day::open(app.database(), id, clock::now())?,
            company_settings::find(app.database(), id)?,
        ) else {
            continue;
        };
        let worked = work(&day, &company, &telling::means(&console));
        drop(turn);
        match worked {
            Ok((count, told)) => {
                done += count;
                telling::publish(&app, told);
            }
            Err(fault) => failed = Some(fault),
        }
    }
    match failed {
        Some(fault) => Err(fault),
        None => Ok(nudge_mail(respond::ok(
            &json!({ "companies": companies, "done": done, "left": all - companies }),
        ))),
    }
}

/// Marks what is overdue (opening the day does) and tells the tenants once.
pub async fn overdue(State(app): State<App>, request: Request) -> Outcome {
    let database = app.clone();
    for_every_company(app, request, |day, _, means| {
        let told = billing::tell_overdue(database.database(), day, means)?;
        Ok((told.len(), told))
    })
    .await
}

/// Reminds tenants once of what is due soon.
pub async fn reminders(State(app): State<App>, request: Request) -> Outcome {
    let database = app.clone();
    for_every_company(app, request, |day, company, means| {
        let told = billing::remind(database.database(), day, company, means)?;
        Ok((told.len(), told))
    })
    .await
}

/// Charges one late fee per invoice that is late beyond the days of grace.
pub async fn late_fees(State(app): State<App>, caller: Caller, request: Request) -> Outcome {
    let (database, scribe) = (app.clone(), Scribe::new(None, caller));
    for_every_company(app, request, |day, company, means| {
        let noted = |tx: &Transaction<'_>, fees: &[Invoice]| {
            let numbers: Vec<_> = fees.iter().map(|fee| &fee.invoice_number).collect();
            scribe.note(
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
pub async fn monthly_invoices(State(app): State<App>, caller: Caller, request: Request) -> Outcome {
    let (database, scribe) = (app.clone(), Scribe::new(None, caller));
    for_every_company(app, request, |day, company, means| {
        if !company.billing.automatic {
            return Ok((0, Vec::new()));
        }
        let month = day.today.month();
        let generated = database.database().transaction(|tx| {
            let generated = billing::generate_month(tx, day, company, means, month)?;
            note_generated(&scribe, tx, day, month, &generated)?;
            Ok::<_, Fault>(generated)
        })?;
        Ok((generated.created, generated.told))
    })
    .await
}
