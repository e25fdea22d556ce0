//! Invoices. Numbers are taken from a counter in the transaction that issues, so none is lost or doubled.

use nexus_domain::Timestamp;
use nexus_domain::date::{Date, Month};
use nexus_domain::ids::{CompanyId, InvoiceId, OccupancyId, TenantId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, LedgerError, invoice_number};
use nexus_domain::money::Currency;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::property::company_state::CompanyToday;
use crate::{Database, Edited, Row, StoreError, Transaction, params};

pub(crate) const COLUMNS: &str = "id, company_id, occupancy_id, tenant_id, invoice_number, kind, invoice_date, due_date, \
period_start, period_end, lines, currency, total_amount, paid_amount, status, created_at, updated_at, version";

pub static LISTING: Listing<Invoice> = Listing {
    columns: COLUMNS,
    from: "invoices",
    scope: "company_id = ?1",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("invoiceDate", "invoice_date", SortKind::Text),
        Sort::by_index("dueDate", "due_date", SortKind::Text),
        Sort::by_index("totalAmount", "total_amount", SortKind::Integer),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::by_index("invoiceNumber", "coalesce(invoice_number, '')", SortKind::Text),
        Sort::by_index("occupancyId", "occupancy_id", SortKind::Text),
        Sort::by_index("tenantId", "tenant_id", SortKind::Text),
        Sort::unindexed("kind", "kind", SortKind::Text),
        Sort::unindexed("periodStart", "coalesce(period_start, '')", SortKind::Text),
        Sort::unindexed("periodEnd", "coalesce(period_end, '')", SortKind::Text),
        Sort::unindexed("currency", "currency", SortKind::Text),
        Sort::unindexed("paidAmount", "paid_amount", SortKind::Integer),
        Sort::unindexed("balance", "total_amount - paid_amount", SortKind::Integer),
        Sort::unindexed("status", "status", SortKind::Text),
    ],
    filters: &[
        Filter::of::<OccupancyId>("occupancyId", "occupancy_id ="),
        Filter::of::<TenantId>("tenantId", "tenant_id ="),
        Filter::one_of::<InvoiceStatus>("status", "status ="),
        Filter::text("invoiceNumber", "invoice_number ="),
        Filter::one_of::<InvoiceKind>("kind", "kind ="),
        Filter::ordered::<Date>("invoiceDate", "invoice_date ="),
        Filter::ordered::<Date>("dueDate", "due_date ="),
        Filter::ordered::<Date>("periodStart", "period_start ="),
        Filter::ordered::<Date>("periodEnd", "period_end ="),
        Filter::one_of::<Currency>("currency", "currency ="),
        Filter::integer("totalAmount", "total_amount ="),
        Filter::integer("paidAmount", "paid_amount ="),
        Filter::integer("balance", "total_amount - paid_amount ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "invoice_number LIKE ?2 ESCAPE '\\' OR tenant_id IN (SELECT t.id FROM tenants t WHERE t.company_id = ?1 \
             AND t.name_folded LIKE ?2 ESCAPE '\\')",
    total: "(SELECT invoices FROM company_totals WHERE company_id = ?1)",
    read,
};

/// The clauses that hold a list to what a tenant is sent: drafts aren't.
pub const OF_TENANT: &str = "status <> 'DRAFT' AND tenant_id =";

/// A rule of the books, or the store itself, said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    #[error(transparent)]
    Rule(#[from] LedgerError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for InvoiceRefusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Refused { code } if code == "HAS_PAYMENTS" => LedgerError::HasPayments.into(),
            StoreError::CheckFailed { name } if name == "paid_within_total" => LedgerError::Overpayment.into(),
            error if error.is_not_unique("payment_reversals.payment_id") => LedgerError::AlreadyReversed.into(),
            _ => Self::Store(error),
        }
    }
}

pub(crate) fn read(row: &Row) -> Result<Invoice, StoreError> {
    let lines: String = row.get(10)?;
    let total = row.get::<nexus_domain::money::Money>(12)?;
    let paid = row.get(13)?;
    Ok(Invoice {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        occupancy_id: row.parse(2)?,
        tenant_id: row.parse(3)?,
        invoice_number: row.get(4)?,
        kind: row.parse(5)?,
        invoice_date: row.parse(6)?,
        due_date: row.parse(7)?,
        period_start: row.parse_opt(8)?,
        period_end: row.parse_opt(9)?,
        lines: serde_json::from_str(&lines).map_err(|_| StoreError::Column { index: 10 })?,
        currency: row.parse(11)?,
        total_amount: total,
        paid_amount: paid,
        balance: total.minus(paid).map_err(|_| StoreError::Column { index: 13 })?,
        status: row.parse(14)?,
        created_at: row.get(15)?,
        updated_at: row.get(16)?,
        version: row.get(17)?,
    })
}

impl CompanyOwned for InvoiceId {
    type Entity = Invoice;

    fn listing() -> &'static Listing<Invoice> {
        &LISTING
    }
}

/// The last of `count` numbers taken for a year. In a transaction only: a rollback gives them back.
pub(crate) fn take_numbers(tx: &Transaction<'_>, company: CompanyId, year: i16, count: i64) -> Result<i64, StoreError> {
    let row = tx.query_opt(
        "INSERT INTO invoice_counters (company_id, year, last) VALUES (?1, ?2, ?3) \
         ON CONFLICT (company_id, year) DO UPDATE SET last = last + excluded.last RETURNING last",
        params![company, i64::from(year), count],
    )?;
    row.ok_or(StoreError::Column { index: 0 })?.get(0)
}

/// Writes an invoice down as it is; an issued one gets its number here.
pub fn insert(tx: &Transaction<'_>, invoice: &mut Invoice) -> Result<(), StoreError> {
    if invoice.status != InvoiceStatus::Draft {
        let year = invoice.invoice_date.year();
        invoice.invoice_number = Some(invoice_number(year, take_numbers(tx, invoice.company_id, year, 1)?));
    }
    insert_all(tx, std::slice::from_ref(invoice), None, None)
}

/// Any number of invoices in one statement. `month`: they are that month's rent; `late_fee_for`: the late
/// invoices they are the fees of, in the same order.
pub(crate) fn insert_all(
    tx: &Transaction<'_>,
    invoices: &[Invoice],
    month: Option<Month>,
    late_fee_for: Option<&[InvoiceId]>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = invoices
        .iter()
        .enumerate()
        .map(|(place, invoice)| {
            let mut row = serde_json::json!(invoice);
            row["createdAt"] = invoice.created_at.as_millis().into();
            row["lateFeeFor"] = late_fee_for
                .and_then(|ids| ids.get(place))
                .map(ToString::to_string)
                .into();
            row
        })
        .collect();
    tx.execute(
        "INSERT INTO invoices (id, company_id, occupancy_id, tenant_id, invoice_number, kind, billing_month, late_fee_for, \
         invoice_date, due_date, period_start, period_end, lines, currency, total_amount, status, created_at, updated_at) \
         SELECT value ->> 'id', value ->> 'companyId', value ->> 'occupancyId', value ->> 'tenantId', \
         value ->> 'invoiceNumber', value ->> 'kind', ?2, value ->> 'lateFeeFor', value ->> 'invoiceDate', \
         value ->> 'dueDate', value ->> 'periodStart', value ->> 'periodEnd', value -> 'lines', value ->> 'currency', \
         value ->> 'totalAmount', value ->> 'status', value ->> 'createdAt', value ->> 'createdAt' FROM json_each(?1)",
        params![serde_json::Value::from(rows).to_string(), month],
    )
}

/// Reads, changes and writes a draft under one lock.
pub fn edit<E: From<InvoiceRefusal> + From<StoreError>>(
    tx: &Transaction<'_>,
    company: CompanyId,
    id: InvoiceId,
    now: Timestamp,
    change: impl FnOnce(Invoice) -> Result<Invoice, E>,
) -> Result<Option<Edited<Invoice>>, E> {
    let Some(before) = company_owned::find(tx, company, id)? else {
        return Ok(None);
    };
    let mut after = change(before.clone())?;
    if after == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    if before.status != InvoiceStatus::Draft {
        return Err(InvoiceRefusal::from(LedgerError::InvalidTransition(before.status)).into());
    }
    tx.execute(
        "UPDATE invoices SET invoice_date = ?3, due_date = ?4, period_start = ?5, period_end = ?6, lines = ?7, \
         total_amount = ?8, updated_at = ?9, version = version + 1 WHERE company_id = ?1 AND id = ?2",
        params![
            company,
            id,
            after.invoice_date,
            after.due_date,
            after.period_start,
            after.period_end,
            serde_json::json!(after.lines).to_string(),
            after.total_amount,
            now
        ],
    )?;
    after.updated_at = now;
    after.version += 1;
    Ok(Some(Edited { before, after }))
}

/// A draft becomes an invoice with a number.
pub fn issue(tx: &Transaction<'_>, day: &CompanyToday, id: InvoiceId) -> Result<Invoice, InvoiceRefusal> {
    let invoice = company_owned::find(tx, day.id, id)?.ok_or(LedgerError::NotFound)?;
    if invoice.status != InvoiceStatus::Draft {
        return Err(LedgerError::InvalidTransition(invoice.status).into());
    }
    let year = invoice.invoice_date.year();
    let number = invoice_number(year, take_numbers(tx, day.id, year, 1)?);
    let status = InvoiceStatus::of_issued(invoice.total_amount, invoice.paid_amount, invoice.due_date, day.today);
    change_status(tx, day, id, status, Some(number))
}

/// An invoice that was taken back, and its late fee if that went with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Voided {
    pub invoice: Invoice,
    pub late_fee: Option<Invoice>,
}

/// Takes an invoice back that nothing was paid on, neither on its late fee. Their numbers stay in the books.
pub fn void(tx: &Transaction<'_>, day: &CompanyToday, id: InvoiceId) -> Result<Voided, InvoiceRefusal> {
    let invoice = company_owned::find(tx, day.id, id)?.ok_or(LedgerError::NotFound)?;
    if invoice.status == InvoiceStatus::Void {
        return Err(LedgerError::InvalidTransition(invoice.status).into());
    }
    let late_fee = match late_fee_of(tx, day.id, id)? {
        Some(fee) if !fee.paid_amount.is_zero() => {
            return Err(LedgerError::FeeHasPayments(fee.invoice_number.unwrap_or_default()).into());
        }
        Some(fee) => Some(change_status(tx, day, fee.id, InvoiceStatus::Void, fee.invoice_number)?),
        None => None,
    };
    let invoice = change_status(tx, day, id, InvoiceStatus::Void, invoice.invoice_number)?;
    Ok(Voided { invoice, late_fee })
}

/// What an invoice's being late costs, unless that was taken back. Index: UNIQUE invoices_late_fees.
fn late_fee_of(tx: &Transaction<'_>, company: CompanyId, late: InvoiceId) -> Result<Option<Invoice>, StoreError> {
    let row = tx.query_opt(
        &format!("SELECT {COLUMNS} FROM invoices WHERE company_id = ?1 AND late_fee_for = ?2 AND status <> 'VOID'"),
        params![company, late],
    )?;
    row.as_ref().map(read).transpose()
}

fn change_status(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    id: InvoiceId,
    status: InvoiceStatus,
    number: Option<String>,
) -> Result<Invoice, InvoiceRefusal> {
    let row = tx.query_opt(
        &format!(
            "UPDATE invoices SET status = ?3, invoice_number = ?4, updated_at = ?5, version = version + 1 \
             WHERE company_id = ?1 AND id = ?2 RETURNING {COLUMNS}"
        ),
        params![day.id, id, status, number, day.now],
    )?;
    Ok(read(&row.ok_or(LedgerError::NotFound)?)?)
}

/// Whether it was there. Only drafts go.
pub fn delete(database: &Database, company: CompanyId, id: InvoiceId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "DELETE FROM invoices WHERE company_id = ?1 AND id = ?2 RETURNING id",
        params![company, id],
    )?;
    Ok(row.is_some())
}
