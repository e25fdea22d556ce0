//! Payments: written once, taken back by a reversal, never changed. The invoice follows by trigger.

use nexus_domain::Timestamp;
use nexus_domain::date::Date;
use nexus_domain::ids::{CompanyId, InvoiceId, PaymentId, TenantId, UserId};
use nexus_domain::invoice::{Invoice, InvoiceStatus, LedgerError, Payment, PaymentMethod};
use nexus_domain::money::Currency;
use nexus_domain::text::fold;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::property::invoices::InvoiceRefusal;
use crate::{Row, StoreError, Transaction, params};

const COLUMNS: &str = "p.id, p.company_id, p.invoice_id, p.tenant_id, p.amount, p.currency, p.payment_date, \
p.payment_method, p.reference, p.recorded_by, r.at, r.reason, p.created_at";
const FROM: &str = "payments p LEFT JOIN payment_reversals r ON r.payment_id = p.id";

pub static LISTING: Listing<Payment> = Listing {
    columns: COLUMNS,
    from: FROM,
    scope: "p.company_id = ?1",
    id: "p.id",
    sorts: &[
        Sort::by_index("createdAt", "p.id", SortKind::Id),
        Sort::by_index("paymentDate", "p.payment_date", SortKind::Text),
        Sort::by_index("amount", "p.amount", SortKind::Integer),
        Sort::by_index("invoiceId", "p.invoice_id", SortKind::Text),
        Sort::by_index("tenantId", "p.tenant_id", SortKind::Text),
        Sort::unindexed("updatedAt", "coalesce(r.at, p.created_at)", SortKind::Integer),
        Sort::unindexed("currency", "p.currency", SortKind::Text),
        Sort::by_index("paymentMethod", "p.payment_method", SortKind::Text),
        Sort::unindexed("reference", "coalesce(p.reference, '')", SortKind::Text),
        Sort::unindexed("recordedBy", "coalesce(p.recorded_by, '')", SortKind::Text),
        Sort::unindexed("reversedAt", "coalesce(r.at, -1)", SortKind::Integer),
    ],
    filters: &[
        Filter::of::<InvoiceId>("invoiceId", "p.invoice_id ="),
        Filter::of::<TenantId>("tenantId", "p.tenant_id ="),
        Filter::one_of::<PaymentMethod>("paymentMethod", "p.payment_method ="),
        Filter::ordered::<Date>("paymentDate", "p.payment_date ="),
        Filter::text("reference", "p.reference ="),
        Filter::integer("amount", "p.amount ="),
        Filter::one_of::<Currency>("currency", "p.currency ="),
        Filter::of::<UserId>("recordedBy", "p.recorded_by ="),
        Filter::ordered::<Timestamp>("reversedAt", "r.at ="),
        Filter::ordered::<Timestamp>("createdAt", "p.created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "coalesce(r.at, p.created_at) ="),
    ],
    search: "p.reference_folded LIKE ?2 ESCAPE '\\' OR p.tenant_id IN (SELECT t.id FROM tenants t WHERE t.company_id = ?1 \
             AND t.name_folded LIKE ?2 ESCAPE '\\')",
    total: "(SELECT payments FROM company_totals WHERE company_id = ?1)",
    read,
};

/// The clause that holds a list to one tenant's.
pub const OF_TENANT: &str = "p.tenant_id =";

fn read(row: &Row) -> Result<Payment, StoreError> {
    let created_at: Timestamp = row.get(12)?;
    let reversed_at: Option<Timestamp> = row.get(10)?;
    Ok(Payment {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        invoice_id: row.parse(2)?,
        tenant_id: row.parse(3)?,
        amount: row.get(4)?,
        currency: row.parse(5)?,
        payment_date: row.parse(6)?,
        payment_method: row.parse(7)?,
        reference: row.get(8)?,
        recorded_by: row.parse_opt(9)?,
        reversed_at,
        reversal_reason: row.get(11)?,
        created_at,
        updated_at: reversed_at.unwrap_or(created_at),
        version: if reversed_at.is_some() { 2 } else { 1 },
    })
}

impl CompanyOwned for PaymentId {
    type Entity = Payment;

    fn listing() -> &'static Listing<Payment> {
        &LISTING
    }
}

/// Records a payment; gives the invoice as it is then. In a transaction, since mail goes with it.
pub fn record(tx: &Transaction<'_>, payment: &Payment) -> Result<Invoice, InvoiceRefusal> {
    let recorded = tx.execute(
        "INSERT INTO payments (id, company_id, invoice_id, tenant_id, amount, currency, payment_date, payment_method, \
         reference, reference_folded, recorded_by, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?12, ?10, ?11)",
        params![
            payment.id,
            payment.company_id,
            payment.invoice_id,
            payment.tenant_id,
            payment.amount,
            payment.currency,
            payment.payment_date,
            payment.payment_method,
            payment.reference.clone(),
            payment.recorded_by,
            payment.created_at,
            payment.reference.as_deref().map(fold)
        ],
    );
    match recorded {
        Ok(()) => {}
        Err(error) if error.is_refused("NOT_PAYABLE") => {
            let status = company_owned::find(tx, payment.company_id, payment.invoice_id)?
                .map_or(InvoiceStatus::Void, |invoice| invoice.status);
            return Err(LedgerError::InvalidTransition(status).into());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(company_owned::find(tx, payment.company_id, payment.invoice_id)?.ok_or(LedgerError::NotFound)?)
}

/// Takes a payment back, once.
pub fn reverse(
    tx: &Transaction<'_>,
    company: CompanyId,
    id: PaymentId,
    reason: &str,
    by: UserId,
    now: Timestamp,
) -> Result<Payment, InvoiceRefusal> {
    let payment = company_owned::find(tx, company, id)?.ok_or(LedgerError::NotFound)?;
    tx.execute(
        "INSERT INTO payment_reversals (payment_id, company_id, payment_date, amount, reason, reversed_by, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![id, company, payment.payment_date, payment.amount, reason, by, now],
    )?;
    Ok(company_owned::find(tx, company, id)?.ok_or(LedgerError::NotFound)?)
}
