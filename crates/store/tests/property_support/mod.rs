//! A company with apartments and tenants to try the rules on.
#![allow(dead_code)]

pub mod furnished;
pub mod scene;

use std::sync::atomic::{AtomicU64, Ordering};

use nexus_domain::date::Date;
use nexus_domain::ids::{ApartmentId, CompanyId, CompoundId, InvoiceId, OccupancyId, PaymentId, TenantId, UserId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, Line, Payment, PaymentMethod};
use nexus_domain::money::Money;
use nexus_domain::occupancy::{Occupancy, OccupancyStatus};
use nexus_domain::premises::{Apartment, ApartmentStatus, Compound, StoredAddress};
use nexus_domain::tenant::Tenant;
use nexus_domain::{Role, Timestamp};
use nexus_store::property::company_state::{self, CompanyToday};
use nexus_store::{
    Database,
    identity::companies,
    params,
    property::{apartments, compounds, occupancies, tenants},
};

static COUNTER: AtomicU64 = AtomicU64::new(1);

/// Bits that differ from call to call.
pub fn random() -> [u8; 10] {
    let mut bits = [0; 10];
    bits[2..].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bits
}

/// Noon in Cairo on a day.
pub fn noon(day: &str) -> Timestamp {
    let since = "1970-01-01".parse::<Date>().unwrap().days_until(date(day));
    Timestamp::from_millis(since * 86_400_000 + 10 * 3_600_000)
}

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn money(units: i64) -> Money {
    Money::from_minor_units(units).unwrap()
}

pub fn company(database: &Database, now: Timestamp) -> CompanyId {
    let id = CompanyId::generate(now, random());
    companies::insert(database, id, "Acme", &id.to_string(), "EGP", "Africa/Cairo", now).unwrap();
    id
}

pub fn today(database: &Database, company: CompanyId, now: Timestamp) -> CompanyToday {
    company_state::open(database, company, now).unwrap().unwrap().day
}

pub fn person(database: &Database, company: CompanyId, role: Role, now: Timestamp) -> UserId {
    let id = UserId::generate(now, random());
    database
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
             VALUES (?1, ?1, ?1, 'A', ?2, ?3, 'ACTIVE', '', ?4, ?4)",
            params![id, role, company, now],
        )
        .unwrap();
    id
}

pub fn compound(database: &Database, company: CompanyId, now: Timestamp) -> CompoundId {
    let id = CompoundId::generate(now, random());
    let compound = Compound {
        id,
        company_id: company,
        name: "Green Hills".into(),
        address: StoredAddress::default(),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    compounds::insert(database, &compound).unwrap();
    id
}

pub fn apartment(
    database: &Database,
    company: CompanyId,
    compound: CompoundId,
    number: &str,
    now: Timestamp,
) -> ApartmentId {
    let id = ApartmentId::generate(now, random());
    let apartment = Apartment {
        id,
        company_id: company,
        compound_id: compound,
        apartment_number: number.into(),
        floor: Some(1),
        bedrooms: None,
        area_sqm: Some(55.5),
        monthly_rent: money(310_000),
        status: ApartmentStatus::Vacant,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    apartments::insert(database, &apartment).unwrap();
    id
}

pub fn tenant(database: &Database, company: CompanyId, now: Timestamp) -> TenantId {
    let id = TenantId::generate(now, random());
    let tenant = Tenant {
        id,
        company_id: company,
        user_id: None,
        full_name: "Ana".into(),
        email: "ana@example.org".into(),
        phone: None,
        national_id: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    tenants::insert(database, &tenant).unwrap();
    id
}

pub fn new_occupancy(
    day: &CompanyToday,
    apartment: ApartmentId,
    tenant: TenantId,
    start: &str,
    end: Option<&str>,
) -> Occupancy {
    let (start, end) = (date(start), end.map(date));
    Occupancy {
        id: OccupancyId::generate(day.now, random()),
        company_id: day.id,
        apartment_id: apartment,
        tenant_id: tenant,
        start_date: start,
        end_date: end,
        monthly_rent: money(310_000),
        deposit_amount: money(100_000),
        deposit_held: Money::ZERO,
        status: OccupancyStatus::on(day.today, start, end),
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    }
}

pub fn occupancy(
    database: &Database,
    day: &CompanyToday,
    apartment: ApartmentId,
    tenant: TenantId,
    start: &str,
    end: Option<&str>,
) -> OccupancyId {
    let made = new_occupancy(day, apartment, tenant, start, end);
    occupancies::insert(database, &made).unwrap();
    made.id
}

pub fn draft(day: &CompanyToday, occupancy: OccupancyId, tenant: TenantId, total: i64, due: &str) -> Invoice {
    Invoice {
        id: InvoiceId::generate(day.now, random()),
        company_id: day.id,
        occupancy_id: occupancy,
        tenant_id: tenant,
        invoice_number: None,
        kind: InvoiceKind::Manual,
        invoice_date: day.today,
        due_date: date(due),
        period_start: None,
        period_end: None,
        lines: vec![Line::single("Something".into(), money(total))],
        currency: day.currency,
        total_amount: money(total),
        paid_amount: Money::ZERO,
        balance: money(total),
        status: InvoiceStatus::Draft,
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    }
}

pub fn payment(day: &CompanyToday, invoice: InvoiceId, tenant: TenantId, amount: i64) -> Payment {
    Payment {
        id: PaymentId::generate(day.now, random()),
        company_id: day.id,
        invoice_id: invoice,
        tenant_id: tenant,
        amount: money(amount),
        currency: day.currency,
        payment_date: day.today,
        payment_method: PaymentMethod::Cash,
        reference: None,
        recorded_by: None,
        reversed_at: None,
        reversal_reason: None,
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    }
}
