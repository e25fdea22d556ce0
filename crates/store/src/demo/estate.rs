//! What a made-up company owns and who lives there; what was billed and paid.

use nexus_domain::Timestamp;
use nexus_domain::date::{Date, Month};
use nexus_domain::email;
use nexus_domain::ids::{ApartmentId, CompoundId, InvoiceId, OccupancyId, PaymentId, TenantId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, Line, invoice_number};
use nexus_domain::money::Money;
use nexus_domain::occupancy::OccupancyStatus;
use nexus_domain::proration::part_of;
use nexus_domain::text::fold;
use serde_json::{Value as Json, json};

use super::chance::Chance;
use super::names;
use crate::property::company_state::CompanyToday;
use crate::property::compounds::folded;
use crate::{Database, StoreError, params, property::invoices};

/// Rows one statement takes in.
const BATCH: usize = 1_000;
const APARTMENTS_PER_COMPOUND: usize = 80;

pub(super) struct Lease {
    occupancy: OccupancyId,
    tenant: TenantId,
    number: String,
    start: Date,
    end: Option<Date>,
    rent: Money,
}

/// Rows into a table, a batch a transaction.
fn insert(database: &Database, sql: &str, rows: &[Json]) -> Result<(), StoreError> {
    for batch in rows.chunks(BATCH) {
        database.transaction(|tx| tx.execute(sql, params![Json::from(batch.to_vec()).to_string()]))?;
    }
    Ok(())
}

/// Compounds, apartments, tenants and who lives where.
pub(super) fn estate(
    database: &Database,
    day: &CompanyToday,
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
            let (name, address) = (names::compound(nth), names::address(nth));
            compounds.push(json!([
                compound,
                day.id,
                &name,
                &address,
                at.as_millis(),
                folded(&name, &serde_json::from_value(address.clone()).unwrap_or_default())
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
            at.as_millis(),
            fold(&number)
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
                signed.as_millis(),
                fold(&name),
                email::key_of(&email),
                email::folded(&email)
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
        "INSERT INTO compounds (id, company_id, name, address, folded, created_at, updated_at) SELECT value ->> 0, \
         value ->> 1, value ->> 2, value -> 3, value ->> 5, value ->> 4, value ->> 4 FROM json_each(?1)",
        &compounds,
    )?;
    insert(
        database,
        "INSERT INTO apartments (id, company_id, compound_id, apartment_number, number_folded, floor, bedrooms, area_sqm, \
         monthly_rent, status, created_at, updated_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 10, \
         value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 9 FROM json_each(?1)",
        &flats,
    )?;
    insert(
        database,
        "INSERT INTO tenants (id, company_id, full_name, name_folded, email, email_key, email_folded, phone, national_id, \
         created_at, updated_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 7, value ->> 3, value ->> 8, \
         value ->> 9, value ->> 4, value ->> 5, value ->> 6, value ->> 6 FROM json_each(?1)",
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
pub(super) fn bill(
    database: &Database,
    day: &CompanyToday,
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
