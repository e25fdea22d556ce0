//! The figures of a dashboard, counted in one statement, and the number by which a kept one is known to be
//! true still.

use nexus_domain::company_gauges::{CompanyGauges, CompanyState, GaugesRequest, MAX_COMPANIES};
use nexus_domain::dashboard::{
    ApartmentCounts, DashboardStats, HISTORY_MONTHS, InvoiceCounts, MonthRevenue, OccupancyCounts, Revenue,
    SERIES_MONTHS, TenantCounts, forecast_months, rate, since_first,
};
use nexus_domain::date::Month;
use nexus_domain::ids::CompanyId;
use serde::Deserialize;

use crate::property::company_state::{CompanyState as StateOfDay, CompanyToday};
use crate::{Database, StoreError, params};

/// Which state of a company a dashboard is of: it moves on with every change and every new day there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub version: i64,
    pub today: String,
}

impl Stamp {
    /// Of the figures that would be counted now. Read before they are, so that a change in between makes them look old,
    /// not new.
    pub fn of(state: &StateOfDay) -> Self {
        Self {
            version: state.version,
            today: state.day.today.to_string(),
        }
    }
}

/// Everything that is counted, in one row. Each part reads one index from which it needs no table:
/// apartments_by_status, occupancies_by_status, invoices_by_status, invoices_billed, payments_by_date,
/// payment_reversals_by_date, occupancies_by_start.
///
/// An occupancy's last day is one of it: it has left in the month of the day after. That day is reckoned once per end and
/// not once per occupancy, which the index has sorted so.
pub const FIGURES: &str = "SELECT \
 (SELECT json_object('compounds', compounds, 'tenants', tenants) FROM company_totals WHERE company_id = ?1), \
 (SELECT json_group_object(status, n) FROM (SELECT status, count(*) AS n FROM apartments WHERE company_id = ?1 \
  GROUP BY status)), \
 (SELECT json_object('active', count(*), 'tenants', count(DISTINCT tenant_id), 'ending', \
  count(*) FILTER (WHERE end_date <= ?2)) FROM occupancies WHERE company_id = ?1 AND status = 'ACTIVE'), \
 (SELECT json_group_array(json_array(status, n, amount)) FROM (SELECT status, count(*) AS n, \
  sum(total_amount - paid_amount) AS amount FROM invoices WHERE company_id = ?1 \
  AND status IN ('ISSUED', 'PARTIALLY_PAID', 'OVERDUE') GROUP BY status)), \
 (SELECT json_group_object(month, amount) FROM (SELECT substr(invoice_date, 1, 7) AS month, sum(total_amount) AS amount \
  FROM invoices WHERE company_id = ?1 AND status NOT IN ('DRAFT', 'VOID') AND invoice_date >= ?3 GROUP BY month)), \
 (SELECT json_group_object(month, amount) FROM (SELECT substr(payment_date, 1, 7) AS month, sum(amount) AS amount \
  FROM payments WHERE company_id = ?1 GROUP BY month)), \
 (SELECT json_group_object(month, amount) FROM (SELECT substr(payment_date, 1, 7) AS month, sum(amount) AS amount \
  FROM payment_reversals WHERE company_id = ?1 GROUP BY month)), \
 (SELECT json_group_object(month, n) FROM (SELECT substr(start_date, 1, 7) AS month, count(*) AS n \
  FROM occupancies WHERE company_id = ?1 AND status IN ('ACTIVE', 'ENDED') GROUP BY month)), \
 (SELECT json_group_object(month, n) FROM (SELECT substr(date(end_date, '+1 day'), 1, 7) AS month, sum(n) AS n \
  FROM (SELECT end_date, count(*) AS n FROM occupancies WHERE company_id = ?1 AND status = 'ENDED' GROUP BY end_date) \
  GROUP BY month))";

/// What monitoring shows of companies, the oldest `MAX_COMPANIES`. Those that the asker has are only named. Indexes:
/// occupancies_by_status, payments_by_date, payment_reversals_by_date; companies are few, and read whole.
pub fn gauges(database: &Database, asked: &GaugesRequest) -> Result<Vec<CompanyState>, StoreError> {
    let rows = database.query(
        "SELECT c.id, c.slug, t.version FROM companies c JOIN company_totals t ON t.company_id = c.id ORDER BY c.id LIMIT ?1",
        params![i64::try_from(MAX_COMPANIES).unwrap_or(i64::MAX)],
    )?;
    rows.iter()
        .map(|row| {
            let (id, slug, version): (CompanyId, String, i64) = (row.parse(0)?, row.get(1)?, row.get(2)?);
            let gauges = match asked.known.get(&slug) == Some(&version) {
                true => None,
                false => Some(company_gauges(database, id)?),
            };
            Ok(CompanyState { slug, version, gauges })
        })
        .collect()
}

fn company_gauges(database: &Database, company: CompanyId) -> Result<CompanyGauges, StoreError> {
    let row = database
        .query_opt(
            "SELECT (SELECT count(DISTINCT tenant_id) FROM occupancies WHERE company_id = ?1 AND status = 'ACTIVE'), \
             (SELECT count(*) FROM occupancies WHERE company_id = ?1 AND status = 'ACTIVE'), \
             (SELECT coalesce(sum(amount), 0) FROM payments WHERE company_id = ?1) - \
             (SELECT coalesce(sum(amount), 0) FROM payment_reversals WHERE company_id = ?1)",
            params![company],
        )?
        .ok_or(StoreError::Column { index: 0 })?;
    Ok(CompanyGauges {
        active_tenants: row.get(0)?,
        active_occupancies: row.get(1)?,
        revenue: row.get(2)?,
    })
}

type ByMonth = std::collections::BTreeMap<String, i64>;

#[derive(Deserialize)]
struct Totals {
    compounds: i64,
    tenants: i64,
}

#[derive(Deserialize)]
struct Active {
    active: i64,
    tenants: i64,
    ending: i64,
}

pub fn figures(database: &Database, day: &CompanyToday) -> Result<DashboardStats, StoreError> {
    let this_month = day.today.month();
    let first_shown = this_month.plus(1 - SERIES_MONTHS);
    let row = database
        .query_opt(
            FIGURES,
            params![day.id, day.today.plus_days(30), first_shown.first_day()],
        )?
        .ok_or(StoreError::Column { index: 0 })?;
    let text = |index: usize| row.get::<String>(index);
    let months = |index: usize| parse::<ByMonth>(&text(index)?, index);

    let totals: Totals = parse(&text(0)?, 0)?;
    let by_status: ByMonth = parse(&text(1)?, 1)?;
    let count = |status: &str| by_status.get(status).copied().unwrap_or(0);
    let apartments = ApartmentCounts {
        total: by_status.values().sum(),
        vacant: count("VACANT"),
        occupied: count("OCCUPIED"),
        maintenance: count("MAINTENANCE"),
        inactive: count("INACTIVE"),
    };
    let active: Active = parse(&text(2)?, 2)?;
    let mut invoices = InvoiceCounts::default();
    for (status, number, amount) in parse::<Vec<(String, i64, i64)>>(&text(3)?, 3)? {
        invoices.issued += number;
        invoices.outstanding_amount += amount;
        if status == "OVERDUE" {
            invoices.overdue = number;
            invoices.overdue_amount = amount;
        }
    }
    let (billed, paid, reversed, begun, left) = (months(4)?, months(5)?, months(6)?, months(7)?, months(8)?);
    let of = |months: &ByMonth, month: Month| months.get(&month.to_string()).copied().unwrap_or(0);
    let collected = |month| of(&paid, month) - of(&reversed, month);
    let history: Vec<Month> = (-HISTORY_MONTHS..0).map(|back| this_month.plus(back)).collect();
    let revenue: Vec<f64> = history.iter().map(|month| collected(*month) as f64).collect();
    let occupancy: Vec<f64> = history
        .iter()
        .map(|month| {
            let month = month.to_string();
            let until = |months: &ByMonth| months.range(..=month.clone()).map(|(_, n)| n).sum::<i64>();
            rate(until(&begun) - until(&left), apartments.total).min(1.0)
        })
        .collect();
    Ok(DashboardStats {
        company_id: day.id,
        generated_at: day.now,
        compounds: totals.compounds,
        occupancy_rate: rate(apartments.occupied, apartments.total),
        apartments,
        tenants: TenantCounts {
            total: totals.tenants,
            active: active.tenants,
        },
        occupancies: OccupancyCounts {
            active: active.active,
            ending_within_30_days: active.ending,
        },
        invoices,
        revenue: Revenue {
            currency: day.currency,
            this_month: collected(this_month),
            last_month: collected(this_month.plus(-1)),
            total: paid.values().sum::<i64>() - reversed.values().sum::<i64>(),
            series: (1 - SERIES_MONTHS..=0)
                .map(|back| this_month.plus(back))
                .map(|month| MonthRevenue {
                    month,
                    billed: of(&billed, month),
                    collected: collected(month),
                })
                .collect(),
        },
        forecast: forecast_months(this_month, since_first(&revenue), since_first(&occupancy)),
    })
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, index: usize) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Column { index })
}
