//! What the scheduler calls, signed. Each job may run twice, or on two nodes at once: its work is marked done in
//! the transaction that does it.

use axum::extract::{Request, State};
use nexus_domain::company::Company;
use nexus_kit::layers::{nudge_mail, signed_body};
use nexus_kit::{App, clock, respond};
use nexus_store::company_day::{self, CompanyDay};
use nexus_store::ledger_notices::{Means, Told};
use nexus_store::{billing, company_settings};
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::telling;

const LARGEST_BODY: usize = 1024;

/// Runs `work` for every company that is open, each in transactions of its own.
async fn for_every_company(
    app: App,
    request: Request,
    mut work: impl FnMut(&CompanyDay, &Company, &Means<'_>) -> Result<(usize, Vec<Told>), Fault>,
) -> Outcome {
    signed_body(&app, request, LARGEST_BODY).await?;
    let console = telling::console(&app)?;
    let means = Means {
        random: &clock::random,
        console: &console,
    };
    let (mut companies, mut done) = (0, 0);
    for id in company_day::active_companies(app.database())? {
        let (Some(day), Some(company)) = (
            company_day::open(app.database(), id, clock::now())?,
            company_settings::find(app.database(), id)?,
        ) else {
            continue;
        };
        let (count, told) = work(&day, &company, &means)?;
        companies += 1;
        done += count;
        telling::publish(&app, told);
    }
    Ok(nudge_mail(respond::ok(
        &json!({ "companies": companies, "done": done }),
    )))
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
pub async fn late_fees(State(app): State<App>, request: Request) -> Outcome {
    let database = app.clone();
    for_every_company(app, request, |day, company, means| {
        Ok(billing::charge_late_fees(database.database(), day, company, means)?)
    })
    .await
}

/// Issues the present month's rent invoices where companies want that.
pub async fn monthly_invoices(State(app): State<App>, request: Request) -> Outcome {
    let database = app.clone();
    for_every_company(app, request, |day, company, means| {
        if !company.billing.automatic {
            return Ok((0, Vec::new()));
        }
        let generated = database
            .database()
            .transaction(|tx| billing::generate_month(tx, day, company, means, day.today.month()))?;
        Ok((generated.created, generated.told))
    })
    .await
}
