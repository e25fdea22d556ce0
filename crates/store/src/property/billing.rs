//! What happens to invoices by itself: rent for a month, reminders, overdue notices, late fees. Each may run
//! twice, or twice at once, and does its work once: the mark of having done it commits with it.

mod month;

use nexus_domain::company::{Company, LateFee, LateFeeType};
use nexus_domain::date::Date;
use nexus_domain::ids::{InvoiceId, OccupancyId, TenantId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, Line, invoice_number};
use nexus_domain::ledger_texts;
use nexus_domain::money::Money;
use nexus_domain::person_name::Locale;

use crate::property::company_state::CompanyToday;
use crate::property::invoices;
use crate::property::ledger_notices::{Event, Notice, NoticeContext, SentNotice, tell};
use crate::{Database, Row, StoreError, Transaction, params};

pub use month::{Cursor, Generated, MonthBatch, generate_batch, generate_in_batches, generate_month};

/// How many invoices one transaction of a job takes at most, so that others can write in between.
const BATCH: i64 = 500;

struct Draft {
    occupancy: OccupancyId,
    tenant: TenantId,
    kind: InvoiceKind,
    date: Date,
    period: Option<(Date, Date)>,
    line: Line,
    total: Money,
}

fn issued(day: &CompanyToday, means: &NoticeContext<'_>, company: &Company, draft: Draft) -> Invoice {
    let due_date = draft.date.plus_days(company.billing.due_days.count());
    Invoice {
        id: InvoiceId::generate(day.now, (means.random)()),
        company_id: day.id,
        occupancy_id: draft.occupancy,
        tenant_id: draft.tenant,
        invoice_number: None,
        kind: draft.kind,
        invoice_date: draft.date,
        due_date,
        period_start: draft.period.map(|(first, _)| first),
        period_end: draft.period.map(|(_, last)| last),
        lines: vec![draft.line],
        currency: day.currency,
        total_amount: draft.total,
        paid_amount: Money::ZERO,
        balance: draft.total,
        status: InvoiceStatus::of_issued(draft.total, Money::ZERO, due_date, day.today),
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    }
}

/// Numbers in the order of the list; all of them are of one year.
fn number_all(tx: &Transaction<'_>, day: &CompanyToday, made: &mut [Invoice]) -> Result<(), StoreError> {
    let Some(year) = made.first().map(|invoice| invoice.invoice_date.year()) else {
        return Ok(());
    };
    let count = i64::try_from(made.len()).unwrap_or(i64::MAX);
    let first = invoices::take_numbers(tx, day.id, year, count)? - count + 1;
    for (invoice, sequence) in made.iter_mut().zip(first..) {
        invoice.invoice_number = Some(invoice_number(year, sequence));
    }
    Ok(())
}

/// Mail for what is still to be paid; what was made late is told of when it is overdue.
fn tell_of_issued(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    means: &NoticeContext<'_>,
    made: &[Invoice],
) -> Result<Vec<SentNotice>, StoreError> {
    let notices: Vec<_> = made
        .iter()
        .filter(|invoice| invoice.status == InvoiceStatus::Issued)
        .map(|invoice| Notice::about(Event::Issued, invoice, invoice.total_amount))
        .collect();
    tell(tx, day, means, &notices)
}

/// Runs `batch` in transactions of its own until there is nothing left for it to do. What it did must not be there
/// for it to do again.
fn in_batches(
    database: &Database,
    mut batch: impl FnMut(&Transaction<'_>) -> Result<(usize, Vec<SentNotice>), StoreError>,
) -> Result<(usize, Vec<SentNotice>), StoreError> {
    let (mut all, mut told) = (0, Vec::new());
    loop {
        let (done, mut more) = database.transaction(&mut batch)?;
        all += done;
        told.append(&mut more);
        if done < BATCH as usize {
            return Ok((all, told));
        }
    }
}

/// Tells of invoices that have become overdue, and counts them. Index: invoices_overdue_untold.
pub fn tell_overdue(
    database: &Database,
    day: &CompanyToday,
    means: &NoticeContext<'_>,
) -> Result<(usize, Vec<SentNotice>), StoreError> {
    in_batches(database, |tx| {
        let found = marked(tx.query(
            &format!(
                "UPDATE invoices SET overdue_told_at = ?2 WHERE id IN (SELECT id FROM invoices WHERE company_id = ?1 \
                 AND status = 'OVERDUE' AND overdue_told_at IS NULL ORDER BY id LIMIT ?3) RETURNING {}",
                invoices::COLUMNS
            ),
            params![day.id, day.now, BATCH],
        )?)?;
        tell_all(tx, day, means, Event::Overdue, &found)
    })
}

/// Reminds of invoices that are due soon, and counts them. Index: invoices_by_status.
pub fn remind(
    database: &Database,
    day: &CompanyToday,
    company: &Company,
    means: &NoticeContext<'_>,
) -> Result<(usize, Vec<SentNotice>), StoreError> {
    let ahead = company.billing.reminder_days.count();
    if ahead == 0 {
        return Ok((0, Vec::new()));
    }
    in_batches(database, |tx| {
        let found = marked(tx.query(
            &format!(
                "UPDATE invoices SET reminded_at = ?2 WHERE id IN (SELECT id FROM invoices WHERE company_id = ?1 \
                 AND status IN ('ISSUED', 'PARTIALLY_PAID') AND due_date BETWEEN ?3 AND ?4 AND reminded_at IS NULL \
                 LIMIT ?5) RETURNING {}",
                invoices::COLUMNS
            ),
            params![day.id, day.now, day.today, day.today.plus_days(ahead), BATCH],
        )?)?;
        tell_all(tx, day, means, Event::Reminder, &found)
    })
}

fn marked(rows: Vec<Row>) -> Result<Vec<Invoice>, StoreError> {
    rows.iter().map(invoices::read).collect()
}

fn tell_all(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    means: &NoticeContext<'_>,
    event: Event,
    found: &[Invoice],
) -> Result<(usize, Vec<SentNotice>), StoreError> {
    let notices: Vec<_> = found
        .iter()
        .map(|invoice| Notice::about(event, invoice, invoice.balance))
        .collect();
    Ok((found.len(), tell(tx, day, means, &notices)?))
}

/// The languages of the invoices' tenants, in the same order. Index: UNIQUE (company_id, id) of tenants.
fn locales_of(tx: &Transaction<'_>, day: &CompanyToday, invoices: &[Invoice]) -> Result<Vec<Locale>, StoreError> {
    let tenants: Vec<TenantId> = invoices.iter().map(|invoice| invoice.tenant_id).collect();
    tx.query(
        "SELECT coalesce(u.locale, 'en') FROM json_each(?2) j CROSS JOIN tenants t ON t.company_id = ?1 AND t.id = j.value \
         LEFT JOIN users u ON u.id = t.user_id ORDER BY j.key",
        params![day.id, serde_json::json!(tenants).to_string()],
    )?
    .iter()
    .map(|row| row.parse(0))
    .collect()
}

/// Index: invoices_by_status, which has the balance too: what bears no fee is passed over there. UNIQUE
/// invoices_late_fees.
fn late_without_fee() -> String {
    format!(
        "SELECT {} FROM invoices WHERE company_id = ?1 AND status = 'OVERDUE' AND due_date <= ?2 \
         AND total_amount - paid_amount >= ?4 AND kind <> 'LATE_FEE' AND NOT EXISTS (SELECT 1 FROM invoices f \
         WHERE f.company_id = ?1 AND f.late_fee_for = invoices.id) LIMIT ?3",
        invoices::COLUMNS
    )
}

/// The least balance that bears a fee; `None` where none does. A batch holds only what bears one: the others stay
/// late and would be found again each time, before those that wait behind them.
fn least_with_fee(terms: LateFee) -> Option<i64> {
    let terms = terms.check().ok()?;
    match terms.r#type {
        LateFeeType::None => None,
        LateFeeType::Fixed => Some(0),
        // `balance × value ÷ 100` is rounded half up: it is something from `balance × value = 50` on.
        LateFeeType::Percent => Some((50 + terms.value - 1) / terms.value),
    }
}

/// One late fee, once, for every invoice overdue beyond the days of grace; an invoice of its own, since what
/// was issued is not rewritten. Fees bear no fees. `charged_now` is told of each batch in its transaction.
pub fn charge_late_fees(
    database: &Database,
    day: &CompanyToday,
    company: &Company,
    means: &NoticeContext<'_>,
    charged_now: impl Fn(&Transaction<'_>, &[Invoice]) -> Result<(), StoreError>,
) -> Result<(usize, Vec<SentNotice>), StoreError> {
    let Some(least) = least_with_fee(company.late_fee) else {
        return Ok((0, Vec::new()));
    };
    let last_due = day.today.plus_days(-company.late_fee.grace_days.count() - 1);
    in_batches(database, |tx| {
        let late = marked(tx.query(&late_without_fee(), params![day.id, last_due, BATCH, least])?)?;
        let locales = locales_of(tx, day, &late)?;
        let (mut fees, mut of) = (Vec::new(), Vec::new());
        for (invoice, locale) in late.iter().zip(locales) {
            let Ok(fee) = company.late_fee.on(invoice.balance) else {
                continue;
            };
            let number = invoice.invoice_number.as_deref().unwrap_or_default();
            of.push(invoice.id);
            fees.push(issued(
                day,
                means,
                company,
                Draft {
                    occupancy: invoice.occupancy_id,
                    tenant: invoice.tenant_id,
                    kind: InvoiceKind::LateFee,
                    date: day.today,
                    period: None,
                    line: Line::single(ledger_texts::late_fee(locale, number), fee),
                    total: fee,
                },
            ));
        }
        number_all(tx, day, &mut fees)?;
        if !fees.is_empty() {
            invoices::insert_all(tx, &fees, None, Some(&of))?;
            charged_now(tx, &fees)?;
        }
        let told = tell_of_issued(tx, day, means, &fees)?;
        Ok((fees.len(), told))
    })
}

#[cfg(test)]
mod tests;
