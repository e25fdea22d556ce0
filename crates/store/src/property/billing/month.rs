//! Rent for a month, one issued invoice per occupancy that touches it.
//!
//! Made in batches, each a transaction of its own that looks at the next occupancies by their place in the list. What
//! stops between two of them leaves whole invoices behind, and whoever asks for the month again makes the rest.

use nexus_domain::company::Company;
use nexus_domain::date::{Date, Month};
use nexus_domain::ids::{OccupancyId, TenantId};
use nexus_domain::invoice::{Invoice, InvoiceKind, LedgerError, Line};
use nexus_domain::ledger_texts;
use nexus_domain::money::Money;
use nexus_domain::person_name::Locale;
use nexus_domain::proration::part_of;

use super::{BATCH, Draft, issued, number_all, tell_of_issued};
use crate::property::company_state::CompanyToday;
use crate::property::invoices::{self, InvoiceRefusal};
use crate::property::ledger_notices::{NoticeContext, SentNotice};
use crate::{Database, StoreError, Transaction, params};

/// What a month's generation did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generated {
    pub created: usize,
    /// Occupancies that have the month's invoice already.
    pub skipped: usize,
    pub told: Vec<SentNotice>,
}

/// What one batch of it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthBatch {
    pub done: Generated,
    /// The first and the last number given; those between are the batch's too.
    pub numbers: Option<(String, String)>,
    /// Where the next batch goes on; `None`: there is none.
    pub next: Option<Cursor>,
}

/// After which occupancy of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    start: Date,
    occupancy: OccupancyId,
}

impl Generated {
    /// Counts another batch in.
    pub fn add(&mut self, mut other: Self) {
        self.created += other.created;
        self.skipped += other.skipped;
        self.told.append(&mut other.told);
    }
}

struct Lease {
    place: Cursor,
    tenant: TenantId,
    end: Option<Date>,
    rent: Money,
    apartment: String,
    /// Of the tenant's account, or English.
    locale: Locale,
    billed: bool,
}

/// All of a month. `noted` is told of each batch in its transaction.
pub fn generate_month(
    database: &Database,
    day: &CompanyToday,
    company: &Company,
    means: &NoticeContext<'_>,
    month: Month,
    noted: impl Fn(&Transaction<'_>, &MonthBatch) -> Result<(), StoreError>,
) -> Result<Generated, InvoiceRefusal> {
    generate_in_batches(database, day, company, means, month, BATCH, noted)
}

/// [`generate_month`], so many occupancies at a time.
pub fn generate_in_batches(
    database: &Database,
    day: &CompanyToday,
    company: &Company,
    means: &NoticeContext<'_>,
    month: Month,
    most: i64,
    noted: impl Fn(&Transaction<'_>, &MonthBatch) -> Result<(), StoreError>,
) -> Result<Generated, InvoiceRefusal> {
    let (mut all, mut after) = (Generated::default(), None);
    loop {
        let batch = database.transaction(|tx| {
            let batch = batch_of(tx, day, company, means, month, after.as_ref(), most)?;
            noted(tx, &batch)?;
            Ok::<_, InvoiceRefusal>(batch)
        })?;
        all.add(batch.done);
        match batch.next {
            Some(place) => after = Some(place),
            None => return Ok(all),
        }
    }
}

/// The month's next batch, for a caller with transactions of its own.
pub fn generate_batch(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    company: &Company,
    means: &NoticeContext<'_>,
    month: Month,
    after: Option<&Cursor>,
) -> Result<MonthBatch, InvoiceRefusal> {
    batch_of(tx, day, company, means, month, after, BATCH)
}

/// Five statements, however many occupancies there are.
fn batch_of(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    company: &Company,
    means: &NoticeContext<'_>,
    month: Month,
    after: Option<&Cursor>,
    most: i64,
) -> Result<MonthBatch, InvoiceRefusal> {
    let leases = leases_of(tx, day, month, after, most)?;
    let next = leases
        .last()
        .filter(|_| leases.len() as i64 >= most)
        .map(|lease| lease.place.clone());
    let (billed, open): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.billed);
    let mut made = Vec::with_capacity(open.len());
    for lease in &open {
        let Some(part) = part_of(month, lease.place.start, lease.end) else {
            continue;
        };
        let total = part.rent(lease.rent).map_err(LedgerError::from)?;
        let description = ledger_texts::rent(lease.locale, month, part, &lease.apartment);
        made.push(issued(
            day,
            means,
            company,
            Draft {
                occupancy: lease.place.occupancy,
                tenant: lease.tenant,
                kind: InvoiceKind::Rent,
                date: part.first,
                period: Some((part.first, part.last)),
                line: Line::single(description, total),
                total,
            },
        ));
    }
    number_all(tx, day, &mut made)?;
    if !made.is_empty() {
        invoices::insert_all(tx, &made, Some(month), None)?;
    }
    let told = tell_of_issued(tx, day, means, &made)?;
    Ok(MonthBatch {
        done: Generated {
            created: made.len(),
            skipped: billed.len(),
            told,
        },
        numbers: number(made.first()).zip(number(made.last())),
        next,
    })
}

fn number(invoice: Option<&Invoice>) -> Option<String> {
    invoice?.invoice_number.clone()
}

/// The next of those that touch the month. Index: occupancies_by_start; of the inner query: invoices_of_month.
fn leases_of(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    month: Month,
    after: Option<&Cursor>,
    most: i64,
) -> Result<Vec<Lease>, StoreError> {
    tx.query(
        LEASES,
        params![
            day.id,
            month.last_day(),
            month.first_day(),
            month,
            // Before any day.
            after.map_or_else(String::new, |place| place.start.to_string()),
            after.map_or_else(String::new, |place| place.occupancy.to_string()),
            most
        ],
    )?
    .iter()
    .map(|row| {
        Ok(Lease {
            place: Cursor {
                occupancy: row.parse(0)?,
                start: row.parse(2)?,
            },
            tenant: row.parse(1)?,
            end: row.parse_opt(3)?,
            rent: row.get(4)?,
            apartment: row.get(5)?,
            billed: row.get(6)?,
            locale: row.parse(7)?,
        })
    })
    .collect()
}

const LEASES: &str = "SELECT o.id, o.tenant_id, o.start_date, o.end_date, o.monthly_rent, a.apartment_number, \
EXISTS (SELECT 1 FROM invoices i WHERE i.company_id = ?1 AND i.occupancy_id = o.id AND i.billing_month = ?4 \
AND i.status <> 'VOID'), coalesce(u.locale, 'en') \
FROM occupancies o JOIN apartments a ON a.company_id = o.company_id AND a.id = o.apartment_id \
JOIN tenants t ON t.company_id = o.company_id AND t.id = o.tenant_id LEFT JOIN users u ON u.id = t.user_id \
WHERE o.company_id = ?1 AND o.start_date <= ?2 AND (o.start_date, o.id) > (?5, ?6) \
AND (o.end_date IS NULL OR o.end_date >= ?3) AND o.status <> 'CANCELLED' ORDER BY o.start_date, o.id LIMIT ?7";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_begins_in_the_index_where_the_one_before_ended() {
        let database = Database::in_memory().unwrap();
        let rows = database.query(
            &format!("EXPLAIN QUERY PLAN {LEASES}"),
            params!["c", "2026-01-31", "2026-01-01", "2026-01", "2025-01-01", "o", BATCH],
        );
        let plan: Vec<String> = rows.unwrap().iter().map(|row| row.get(3).unwrap()).collect();
        assert!(
            plan[0].contains("occupancies_by_start (company_id=? AND (start_date,id)>(?,?) AND start_date<?)"),
            "{plan:#?}"
        );
        assert!(plan.iter().any(|step| step.contains("invoices_of_month")), "{plan:#?}");
        let bad = |step: &String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
        assert!(!plan.iter().any(bad), "{plan:#?}");
    }
}
