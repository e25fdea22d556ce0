//! Made-up companies to try, show and measure with: the same ones for the same seed and day.

mod chance;
mod names;

use nexus_domain::Timestamp;
use nexus_domain::company::{Billing, Company, DepositTerms, LateFee};
use nexus_domain::date::Month;
use nexus_domain::ids::{ApartmentId, CompanyId, CompoundId, InvoiceId, OccupancyId, PaymentId, TenantId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, Line, invoice_number};
use nexus_domain::money::Money;
use nexus_domain::occupancy::OccupancyStatus;
use nexus_domain::proration::part_of;
use serde_json::{Value as Json, json};

use crate::company_day::{self, CompanyDay};
use crate::{Database, StoreError, company_settings, invoices, params};
use chance::Chance;

/// How much is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub companies: usize,
    /// Of the first company; each of the others has a twentieth of it, at least one.
    pub apartments: usize,
    /// Months of rent invoices up to the present one.
    pub months: i32,
    pub seed: u64,
    pub now: Timestamp,
}

/// A company that was made.
#[derive(Debug, Clone)]
pub struct DemoCompany {
    pub id: CompanyId,
    pub name: String,
    pub slug: String,
}

/// Rows one statement takes in.
const BATCH: usize = 1_000;
const APARTMENTS_PER_COMPOUND: usize = 80;

/// Makes what the plan says; `progress` hears of every company that is done. Companies that are there already
/// (by their slug) are left as they are.
pub fn fill(
    database: &Database,
    plan: &Plan,
    progress: &mut dyn FnMut(usize, &str),
) -> Result<Vec<DemoCompany>, StoreError> {
    let mut chance = Chance::new(plan.seed);
    let mut made = Vec::with_capacity(plan.companies);
    for place in 0..plan.companies {
        let name = names::company(place);
        let slug = format!("{}-{}", name.to_lowercase().replace(' ', "-"), place + 1);
        // Every company has its own chance, so that leaving one out changes no other.
        let mut own = Chance::new(chance.next());
        let apartments = if place == 0 {
            plan.apartments
        } else {
            (plan.apartments / 20).max(1)
        };
        let id = match crate::companies::by_slug(database, &slug)? {
            Some(there) => there.id,
            None => company(database, plan, &mut own, &name, &slug, apartments)?,
        };
        progress(place + 1, &name);
        made.push(DemoCompany { id, name, slug });
    }
    Ok(made)
}

struct Lease {
    occupancy: OccupancyId,
    tenant: TenantId,
    number: String,
    start: nexus_domain::date::Date,
    end: Option<nexus_domain::date::Date>,
    rent: Money,
}

fn company(
    database: &Database,
    plan: &Plan,
    chance: &mut Chance,
    name: &str,
    slug: &str,
    apartments: usize,
) -> Result<CompanyId, StoreError> {
    let founded = plan.now.plus_seconds(-3 * 365 * 86_400);
    let id = CompanyId::generate(founded, chance.bits());
    let unreadable = |_| StoreError::Column { index: 0 };
    company_settings::insert(
        database,
        &Company {
            id,
            name: name.to_owned(),
            slug: slug.to_owned(),
            currency: "EGP".parse().map_err(unreadable)?,
            timezone: "Africa/Cairo".parse().map_err(unreadable)?,
            is_active: true,
            allowed_email_domains: Vec::new(),
            late_fee: LateFee::NONE,
            deposit: DepositTerms::default(),
            billing: Billing::default(),
            branding: json!({}),
            created_at: founded,
            updated_at: founded,
            version: 1,
        },
    )?;
    let day = company_day::open(database, id, plan.now)?.ok_or(StoreError::Column { index: 0 })?;
    let leases = estate(database, &day, chance, founded, apartments)?;
    for back in (0..plan.months).rev() {
        bill(database, &day, chance, &leases, day.today.month().plus(-back))?;
    }
    Ok(id)
}

/// Rows into a table, a batch a transaction.
fn insert(database: &Database, sql: &str, rows: &[Json]) -> Result<(), StoreError> {
    for batch in rows.chunks(BATCH) {
        database.transaction(|tx| tx.execute(sql, params![Json::from(batch.to_vec()).to_string()]))?;
    }
    Ok(())
}

/// Compounds, apartments, tenants and who lives where.
fn estate(
    database: &Database,
    day: &CompanyDay,
    chance: &mut Chance,
    founded: Timestamp,
    apartments: usize,
) -> Result<Vec<Lease>, StoreError> {
    let (mut compounds, mut flats, mut tenants, mut occupancies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut leases = Vec::new();
    let mut compound = CompoundId::generate(founded, chance.bits());
    for place in 0..apartments {
        let at = founded.plus_seconds(86_400 + place as i64);
        if place % APARTMENTS_PER_COMPOUND == 0 {
            compound = CompoundId::generate(at, chance.bits());
            let nth = place / APARTMENTS_PER_COMPOUND;
            compounds.push(json!([
                compound,
                day.id,
                names::compound(nth),
                names::address(nth),
                at.as_millis()
            ]));
        }
        let within = place % APARTMENTS_PER_COMPOUND;
        let (floor, door) = (within / 8 + 1, within % 8 + 1);
        let number = format!("{}{floor}{door:02}", (b'A' + (within % 4) as u8) as char);
        let apartment = ApartmentId::generate(at, chance.bits());
        let bedrooms = chance.below(4) as i64 + 1;
        let rent = Money::from_minor_units((3_000 + bedrooms * 1_800 + chance.below(30) as i64 * 50) * 100)
            .unwrap_or(Money::ZERO);
        let fate = chance.below(100);
        let status = if fate < 2 {
            "INACTIVE"
        } else if fate < 5 {
            "MAINTENANCE"
        } else {
            "VACANT"
        };
        let area = 30.0 + bedrooms as f64 * 22.5 + chance.below(20) as f64 / 2.0;
        flats.push(json!([
            apartment,
            day.id,
            compound,
            number,
            floor,
            bedrooms,
            area,
            rent,
            status,
            at.as_millis()
        ]));
        if fate < 5 || chance.below(100) >= 95 {
            continue;
        }
        let began = day.today.plus_days(-(chance.below(900) as i32) - 5);
        // Some moved out, and some of those rooms were let again.
        let left = (chance.below(100) < 10)
            .then(|| began.plus_days(180))
            .filter(|end| *end < day.today);
        let mut spans = vec![(began, left)];
        if let Some(end) = left.filter(|_| chance.below(2) == 0) {
            spans.push((end.plus_days(10), None));
        } else if left.is_none() && chance.below(100) < 30 {
            spans[0].1 = Some(day.today.plus_days(chance.below(200) as i32 + 1));
        }
        for (start, end) in spans {
            if start > day.today {
                continue;
            }
            let signed = at.plus_seconds(86_400);
            let (tenant, occupancy) = (
                TenantId::generate(signed, chance.bits()),
                OccupancyId::generate(signed, chance.bits()),
            );
            let (name, email) = names::person(chance, place);
            let phone = format!("+2010{:08}", chance.below(100_000_000));
            let national_id = format!("29{:012}", chance.next() % 1_000_000_000_000);
            tenants.push(json!([
                tenant,
                day.id,
                name,
                email,
                phone,
                national_id,
                signed.as_millis()
            ]));
            let status = OccupancyStatus::on(day.today, start, end);
            occupancies.push(json!([
                occupancy,
                day.id,
                apartment,
                tenant,
                start,
                end,
                rent,
                status,
                signed.as_millis()
            ]));
            leases.push(Lease {
                occupancy,
                tenant,
                number: number.clone(),
                start,
                end,
                rent,
            });
        }
    }
    insert(
        database,
        "INSERT INTO compounds (id, company_id, name, address, created_at, updated_at) SELECT value ->> 0, value ->> 1, \
         value ->> 2, value -> 3, value ->> 4, value ->> 4 FROM json_each(?1)",
        &compounds,
    )?;
    insert(
        database,
        "INSERT INTO apartments (id, company_id, compound_id, apartment_number, floor, bedrooms, area_sqm, \
         monthly_rent, status, created_at, updated_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
         value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 9 FROM json_each(?1)",
        &flats,
    )?;
    insert(
        database,
        "INSERT INTO tenants (id, company_id, full_name, email, email_key, phone, national_id, created_at, updated_at) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, lower(value ->> 3), value ->> 4, value ->> 5, \
         value ->> 6, value ->> 6 FROM json_each(?1)",
        &tenants,
    )?;
    insert(
        database,
        "INSERT INTO occupancies (id, company_id, apartment_id, tenant_id, start_date, end_date, monthly_rent, status, \
         created_at, updated_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
         value ->> 6, value ->> 7, value ->> 8, value ->> 8 FROM json_each(?1)",
        &occupancies,
    )?;
    Ok(leases)
}

/// The rent of a month, and what came in of it.
fn bill(
    database: &Database,
    day: &CompanyDay,
    chance: &mut Chance,
    leases: &[Lease],
    month: Month,
) -> Result<(), StoreError> {
    let (mut made, mut paid) = (Vec::new(), Vec::new());
    for lease in leases {
        let Some(part) = part_of(month, lease.start, lease.end).filter(|part| part.first <= day.today) else {
            continue;
        };
        let Ok(total) = part.rent(lease.rent) else { continue };
        let days_ago = part.first.days_until(day.today);
        let at = day.now.plus_seconds(-days_ago * 86_400);
        let due_date = part.first.plus_days(7);
        let invoice = Invoice {
            id: InvoiceId::generate(at, chance.bits()),
            company_id: day.id,
            occupancy_id: lease.occupancy,
            tenant_id: lease.tenant,
            invoice_number: None,
            kind: InvoiceKind::Rent,
            invoice_date: part.first,
            due_date,
            period_start: Some(part.first),
            period_end: Some(part.last),
            lines: vec![Line::single(format!("Rent {month}, apartment {}", lease.number), total)],
            currency: day.currency,
            total_amount: total,
            paid_amount: Money::ZERO,
            balance: total,
            status: InvoiceStatus::of_issued(total, Money::ZERO, due_date, day.today),
            created_at: at,
            updated_at: at,
            version: 1,
        };
        let habit = chance.below(100);
        let paid_on = part.first.plus_days(chance.below(14) as i32);
        let amount = if habit < 94 {
            total
        } else {
            total.share(1, 2).unwrap_or(total)
        };
        if habit < 97 && paid_on <= day.today && !amount.is_zero() {
            let method = ["BANK_TRANSFER", "CASH", "CARD", "CHEQUE"][chance.below(4)];
            let at = at.plus_seconds(part.first.days_until(paid_on) * 86_400);
            let id = PaymentId::generate(at, chance.bits());
            paid.push(json!([
                id,
                day.id,
                invoice.id,
                lease.tenant,
                amount,
                day.currency,
                paid_on,
                method,
                at.as_millis()
            ]));
        }
        made.push(invoice);
    }
    made.sort_by_key(|invoice| (invoice.invoice_date, invoice.id));
    let year = month.first_day().year();
    for batch in made.chunks_mut(BATCH) {
        let count = i64::try_from(batch.len()).unwrap_or(i64::MAX);
        database.transaction(|tx| {
            let first = invoices::take_numbers(tx, day.id, year, count)? - count + 1;
            for (invoice, sequence) in batch.iter_mut().zip(first..) {
                invoice.invoice_number = Some(invoice_number(year, sequence));
            }
            invoices::insert_all(tx, batch, Some(month), None)
        })?;
    }
    insert(
        database,
        "INSERT INTO payments (id, company_id, invoice_id, tenant_id, amount, currency, payment_date, payment_method, \
         created_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
         value ->> 7, value ->> 8 FROM json_each(?1)",
        &paid,
    )
}

#[cfg(test)]
mod tests;
