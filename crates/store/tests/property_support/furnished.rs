//! A company with 25 rows in each of its lists, with many equal and many empty fields, in no order but that of their ids.

use nexus_domain::Role;
use nexus_domain::ids::{ApartmentId, CompanyId, CompoundId, MaintenanceRequestId, OccupancyId, TenantId, UserId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, Line, PaymentMethod};
use nexus_domain::maintenance::{MaintenanceRequest, Priority, RequestStatus};
use nexus_domain::occupancy::OccupancyStatus;
use nexus_domain::premises::{Apartment, ApartmentStatus, Compound, StoredAddress};
use nexus_domain::tenant::Tenant;
use nexus_store::property::company_state::CompanyToday;
use nexus_store::{
    Database,
    identity::companies,
    params,
    property::{apartments, compounds, invoices, maintenance, occupancies, payments, tenants},
};

use super::{company, date, draft, money, new_occupancy, noon, payment, person, random, today};

pub const ROWS: usize = 25;

/// Numbers of which each is before, after and between the others.
fn mixed(row: usize, of: usize) -> usize {
    row * 7 % of
}

fn one_of<T: Copy>(row: usize, all: &[T]) -> T {
    all[mixed(row, all.len())]
}

/// Something in every third row but one.
fn sometimes<T>(row: usize, value: impl FnOnce() -> T) -> Option<T> {
    (row % 3 != 1).then(value)
}

/// Five rows each are of one time.
fn at(day: &CompanyToday, row: usize) -> CompanyToday {
    CompanyToday {
        now: day.now.plus_seconds(i64::try_from(row / 5).unwrap()),
        ..day.clone()
    }
}

pub fn furnish(database: &Database) -> CompanyId {
    let now = noon("2026-05-01");
    let company = company(database, now);
    let day = today(database, company, now);
    let people: Vec<_> = (0..ROWS)
        .map(|_| person(database, company, Role::Manager, now))
        .collect();
    let compounds: Vec<_> = (0..ROWS).map(|row| a_compound(database, &at(&day, row), row)).collect();
    let apartments: Vec<_> = (0..ROWS)
        .map(|row| an_apartment(database, &at(&day, row), one_of(row, &compounds[..4]), row))
        .collect();
    let tenants: Vec<_> = (0..ROWS)
        .map(|row| a_tenant(database, &at(&day, row), people[row], row))
        .collect();
    let leases: Vec<_> = (0..ROWS)
        .map(|row| {
            let (apartment, tenant) = (apartments[row % 13], one_of(row, &tenants[..6]));
            (an_occupancy(database, &at(&day, row), apartment, tenant, row), tenant)
        })
        .collect();
    let invoices: Vec<_> = (0..ROWS)
        .map(|row| an_invoice(database, &at(&day, row), one_of(row, &leases[..8]), row))
        .collect();
    let issued: Vec<_> = invoices
        .iter()
        .filter(|invoice| invoice.status == InvoiceStatus::Issued)
        .collect();
    for row in 0..ROWS {
        a_payment(database, &at(&day, row), one_of(row, &issued), &people, row);
        a_request(database, &at(&day, row), one_of(row, &apartments[..5]), &people, row);
    }
    for table in [
        "compounds",
        "apartments",
        "tenants",
        "occupancies",
        "invoices",
        "maintenance_requests",
    ] {
        let sql = format!("UPDATE {table} SET updated_at = created_at + rowid * 7 % 4 WHERE company_id = ?1");
        database.execute(&sql, params![company]).unwrap();
    }
    let received = "UPDATE occupancies SET deposit_received = deposit_amount WHERE company_id = ?1 AND rowid % 2 = 0";
    database.execute(received, params![company]).unwrap();
    company
}

fn a_compound(database: &Database, day: &CompanyToday, row: usize) -> CompoundId {
    let compound = Compound {
        id: CompoundId::generate(day.now, random()),
        company_id: day.id,
        name: format!("Compound {}", mixed(row, 5)),
        address: StoredAddress {
            city: sometimes(row, || one_of(row, &["Cairo", "Ägypten", "giza"]).to_owned()),
            region: sometimes(row + 1, || one_of(row, &["Delta", "Sinai"]).to_owned()),
            postal_code: sometimes(row + 2, || one_of(row, &["11511", "9"]).to_owned()),
            country: sometimes(row, || one_of(row, &["EG", "FR"]).to_owned()),
            ..StoredAddress::default()
        },
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    compounds::insert(database, &compound).unwrap();
    compound.id
}

fn an_apartment(database: &Database, day: &CompanyToday, compound: CompoundId, row: usize) -> ApartmentId {
    let apartment = Apartment {
        id: ApartmentId::generate(day.now, random()),
        company_id: day.id,
        compound_id: compound,
        apartment_number: format!("{}", mixed(row / 4, 9)),
        floor: sometimes(row, || one_of(row, &[-2, 0, 11])),
        bedrooms: sometimes(row, || one_of(row, &[0, 2])),
        // Two that differ in the last bit only.
        area_sqm: sometimes(row, || one_of(row, &[0.3, 0.1 + 0.2, 200.0 / 3.0, 0.0])),
        monthly_rent: money(one_of(row, &[0, 1000, 250])),
        status: one_of(row, &[ApartmentStatus::Vacant, ApartmentStatus::Maintenance]),
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    apartments::insert(database, &apartment).unwrap();
    apartment.id
}

fn a_tenant(database: &Database, day: &CompanyToday, user: UserId, row: usize) -> TenantId {
    let tenant = Tenant {
        id: TenantId::generate(day.now, random()),
        company_id: day.id,
        user_id: sometimes(row, || user),
        full_name: one_of(row, &["Ana", "ana", "Émile", "Zoe"]).to_owned(),
        email: one_of(row, &["Ana@example.org", "ana@example.org", "Ben@example.org"]).to_owned(),
        phone: sometimes(row, || one_of(row, &["+201001234567", "+33123456789"]).to_owned()),
        national_id: sometimes(row + 1, || one_of(row, &["29801011234567", "1"]).to_owned()),
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    tenants::insert(database, &tenant).unwrap();
    tenant.id
}

fn an_occupancy(
    database: &Database,
    day: &CompanyToday,
    apartment: ApartmentId,
    tenant: TenantId,
    row: usize,
) -> OccupancyId {
    let (start, end) = if row < 13 {
        (one_of(row, &["2024-01-01", "2024-02-01"]), Some("2024-12-31"))
    } else {
        (
            one_of(row, &["2025-01-01", "2025-02-01"]),
            sometimes(row, || "2027-12-31"),
        )
    };
    let mut occupancy = new_occupancy(day, apartment, tenant, start, end);
    occupancy.monthly_rent = money(one_of(row, &[500, 0, 700]));
    occupancy.deposit_amount = money(one_of(row, &[100, 0, 300]));
    if row.is_multiple_of(5) {
        occupancy.status = OccupancyStatus::Cancelled;
    }
    occupancies::insert(database, &occupancy).unwrap();
    occupancy.id
}

fn an_invoice(database: &Database, day: &CompanyToday, lease: (OccupancyId, TenantId), row: usize) -> Invoice {
    let total = one_of(row, &[1000, 2000, 1500]);
    let mut invoice = Invoice {
        kind: one_of(row, &[InvoiceKind::Rent, InvoiceKind::Manual]),
        invoice_date: date(one_of(row, &["2026-04-01", "2026-03-01", "2026-04-15"])),
        period_start: sometimes(row, || date(one_of(row, &["2026-04-01", "2026-03-01"]))),
        period_end: sometimes(row, || date(one_of(row, &["2026-04-30", "2026-04-15"]))),
        lines: vec![Line::single("Something".into(), money(total))],
        status: one_of(
            row,
            &[InvoiceStatus::Draft, InvoiceStatus::Issued, InvoiceStatus::Issued],
        ),
        ..draft(day, lease.0, lease.1, total, one_of(row, &["2026-06-01", "2026-04-20"]))
    };
    database.transaction(|tx| invoices::insert(tx, &mut invoice)).unwrap();
    invoice
}

fn a_payment(database: &Database, day: &CompanyToday, invoice: &Invoice, people: &[UserId], row: usize) {
    let mut made = payment(day, invoice.id, invoice.tenant_id, one_of(row, &[1, 3, 2]));
    made.payment_date = date(one_of(row, &["2026-04-20", "2026-04-30", "2026-05-01"]));
    made.payment_method = one_of(row, &[PaymentMethod::Cash, PaymentMethod::Card]);
    made.reference = sometimes(row, || one_of(row, &["Zebra", "apple"]).to_owned());
    made.recorded_by = sometimes(row, || one_of(row, &people[..2]));
    database.transaction(|tx| payments::record(tx, &made)).unwrap();
    if row.is_multiple_of(3) {
        let later = day.now.plus_seconds(60);
        database
            .transaction(|tx| payments::reverse(tx, day.id, made.id, "wrong", people[0], later))
            .unwrap();
    }
}

fn a_request(database: &Database, day: &CompanyToday, apartment: ApartmentId, people: &[UserId], row: usize) {
    use Priority::{High, Low, Normal, Urgent};
    let request = MaintenanceRequest {
        id: MaintenanceRequestId::generate(day.now, random()),
        company_id: day.id,
        apartment_id: apartment,
        requested_by: one_of(row, &people[..3]),
        title: one_of(row, &["Leak", "Lift", "leak"]).to_owned(),
        description: "It drips.".to_owned(),
        priority: one_of(row, &[Urgent, Low, High, Normal]),
        status: one_of(
            row,
            &[RequestStatus::Open, RequestStatus::InProgress, RequestStatus::Closed],
        ),
        assignee_id: sometimes(row, || one_of(row, &people[..2])),
        attachments: Vec::new(),
        history: Vec::new(),
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    maintenance::insert(database, &request).unwrap();
}

/// As many companies.
pub fn found_companies(database: &Database) {
    for row in 0..ROWS {
        let now = noon("2026-05-01").plus_seconds(i64::try_from(row / 5).unwrap());
        let id = CompanyId::generate(now, random());
        let (name, zone) = (one_of(row, &["Acme", "acme"]), one_of(row, &["Africa/Cairo", "UTC"]));
        let currency = one_of(row, &["EGP", "EUR", "USD"]);
        companies::insert(database, id, name, &id.to_string(), currency, zone, now).unwrap();
        let sql = "UPDATE companies SET is_active = ?2, updated_at = created_at + rowid * 7 % 4 WHERE id = ?1";
        database.execute(sql, params![id, row % 3 != 1]).unwrap();
    }
}
