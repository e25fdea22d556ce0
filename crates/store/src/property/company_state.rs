//! The day a company is in, and the statuses that follow from it.
//!
//! Whether an occupancy is active and an invoice overdue depends on the date in the company's zone. Those
//! statuses are stored, so that lists find them in an index and counts need no reckoning; `companies.as_of`
//! is the day for which they are. Whoever comes first on another day moves them on, in one transaction.

use nexus_domain::Timestamp;
use nexus_domain::date::{Date, Zone};
use nexus_domain::ids::CompanyId;
use nexus_domain::money::Currency;

use crate::{Database, Row, StoreError, Transaction, params};

/// A company today.
#[derive(Debug, Clone)]
pub struct CompanyToday {
    pub id: CompanyId,
    pub name: String,
    pub currency: Currency,
    pub zone: Zone,
    pub today: Date,
    pub now: Timestamp,
}

/// A company and how far its statuses are.
#[derive(Debug, Clone)]
pub struct CompanyState {
    pub day: CompanyToday,
    /// The day for which the statuses are.
    as_of: String,
    /// Moves on with every change to what is counted, and with every new day.
    pub version: i64,
}

impl CompanyState {
    /// From `name, currency, timezone, as_of, version`, which begin at `first`.
    pub(crate) fn read(row: &mut Row, first: usize, id: CompanyId, now: Timestamp) -> Result<Self, StoreError> {
        let zone: Zone = row.parse(first + 2)?;
        let day = CompanyToday {
            id,
            currency: row.parse(first + 1)?,
            today: zone.date_at(now),
            zone,
            now,
            name: row.take_text(first)?,
        };
        Ok(Self {
            day,
            as_of: row.take_text(first + 3)?,
            version: row.get(first + 4)?,
        })
    }

    /// Whether the statuses are today's.
    pub fn is_current(&self) -> bool {
        self.as_of == self.day.today.to_string()
    }

    /// The company with its statuses moved on to today, if need be.
    pub fn opened(self, database: &Database) -> Result<Option<Self>, StoreError> {
        if self.is_current() {
            return Ok(Some(self));
        }
        database.transaction(|tx| move_on(tx, self.day.id, self.day.now))?;
        state(database, self.day.id, self.day.now)
    }
}

/// A company whose statuses are today's.
#[derive(Debug, Clone)]
pub struct Opened {
    pub day: CompanyToday,
    /// They had to be moved on.
    pub is_new: bool,
}

/// The company on the day it is there now, its statuses moved on if need be.
pub fn open(database: &Database, company: CompanyId, now: Timestamp) -> Result<Option<Opened>, StoreError> {
    let Some(stored) = state(database, company, now)? else {
        return Ok(None);
    };
    let is_new = !stored.is_current();
    Ok(stored
        .opened(database)?
        .map(|CompanyState { day, .. }| Opened { day, is_new }))
}

/// The company as it is stored. Indexes: primary keys.
pub fn state(database: &Database, company: CompanyId, now: Timestamp) -> Result<Option<CompanyState>, StoreError> {
    database
        .query_opt(
            "SELECT c.name, c.currency, c.timezone, c.as_of, t.version FROM companies c \
             JOIN company_totals t ON t.company_id = c.id WHERE c.id = ?1",
            params![company],
        )?
        .map(|mut row| CompanyState::read(&mut row, 0, company, now))
        .transpose()
}

/// Sets every status that follows from the date; what is right already is left alone. What changes has changed now:
/// clients look for changes by `updatedAt`.
pub fn move_on(tx: &Transaction<'_>, company: CompanyId, now: Timestamp) -> Result<(), StoreError> {
    // Read again under the lock: somebody else may have been faster.
    let Some(CompanyState { day, as_of, .. }) = state(tx, company, now)? else {
        return Ok(());
    };
    let today = day.today.to_string();
    if as_of == today {
        return Ok(());
    }
    // Those that end make room before others begin. Index: occupancies_by_status.
    for (from, condition, to) in [
        ("'ACTIVE', 'UPCOMING'", "end_date < ?2", "ENDED"),
        ("'ACTIVE', 'ENDED'", "start_date > ?2", "UPCOMING"),
        (
            "'UPCOMING', 'ENDED'",
            "start_date <= ?2 AND (end_date IS NULL OR end_date >= ?2)",
            "ACTIVE",
        ),
    ] {
        tx.execute(
            &format!(
                "UPDATE occupancies SET status = '{to}', version = version + 1, updated_at = max(updated_at, ?3) \
                 WHERE company_id = ?1 AND status IN ({from}) AND {condition}"
            ),
            params![company, &today, now],
        )?;
    }
    // Index: invoices_by_status.
    tx.execute(
        "UPDATE invoices SET status = 'OVERDUE', version = version + 1, updated_at = max(updated_at, ?3) \
         WHERE company_id = ?1 AND status IN ('ISSUED', 'PARTIALLY_PAID') AND due_date < ?2",
        params![company, &today, now],
    )?;
    tx.execute(
        "UPDATE invoices SET status = CASE paid_amount WHEN 0 THEN 'ISSUED' ELSE 'PARTIALLY_PAID' END, \
         version = version + 1, updated_at = max(updated_at, ?3) \
         WHERE company_id = ?1 AND status = 'OVERDUE' AND due_date >= ?2",
        params![company, &today, now],
    )?;
    tx.execute("UPDATE companies SET as_of = ?2 WHERE id = ?1", params![company, today])?;
    // A new day changes what the dashboard says even where no status changed: months begin.
    tx.execute(
        "UPDATE company_totals SET version = version + 1 WHERE company_id = ?1",
        params![company],
    )
}
