//! What the database holds by itself, and what follows from the day.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use nexus_domain::company::{Billing, Days, LateFee, LateFeeType};
use nexus_domain::ids::{UserId, uuid_v7};
use nexus_domain::invoice::{InvoiceStatus, LedgerError};
use nexus_domain::occupancy::{DepositAction, OccupancyError, OccupancyStatus};
use nexus_domain::premises::ApartmentStatus;
use nexus_store::property::company_state;
use nexus_store::property::dashboard::Stamp;
use nexus_store::property::ledger_notices::NoticeContext;
use nexus_store::{
    StoreError, params,
    property::{billing, company_owned, company_settings, dashboard, invoices, occupancies, payments},
};
use property_support::scene::scene;
use property_support::*;

const MEANS: NoticeContext<'_> = NoticeContext {
    random: &random,
    console: "http://localhost",
};

#[test]
fn an_apartment_is_occupied_from_the_first_day_of_an_occupancy_to_its_last() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-12", Some("2026-03-15"));
    for (day, apartment, occupancy) in [
        ("2026-03-10", ApartmentStatus::Vacant, OccupancyStatus::Upcoming),
        ("2026-03-12", ApartmentStatus::Occupied, OccupancyStatus::Active),
        ("2026-03-15", ApartmentStatus::Occupied, OccupancyStatus::Active),
        ("2026-03-16", ApartmentStatus::Vacant, OccupancyStatus::Ended),
    ] {
        today(&scene.database, scene.day.id, noon(day));
        assert_eq!(scene.apartment_status(), apartment, "{day}");
        let found = company_owned::find(&scene.database, scene.day.id, lease)
            .unwrap()
            .unwrap();
        assert_eq!(found.status, occupancy, "{day}");
    }
}

#[test]
fn occupancies_may_touch_but_not_overlap() {
    let scene = scene("2026-03-10");
    scene.lease("2026-03-01", Some("2026-03-31"));
    let refused = |start, end| {
        let made = new_occupancy(&scene.day, scene.apartment, scene.tenant, start, end);
        matches!(
            occupancies::insert(&scene.database, &made),
            Err(occupancies::OccupancyRefusal::Rule(OccupancyError::Overlap))
        )
    };
    assert!(refused("2026-03-31", None) && refused("2026-02-01", Some("2026-03-01")) && refused("2026-01-01", None));
    assert!(!refused("2026-02-01", Some("2026-02-28")) && !refused("2026-04-01", None));
}

#[test]
fn nothing_refers_to_another_company_s_rows() {
    let scene = scene("2026-03-10");
    let other = company(&scene.database, scene.day.now);
    let stranger = tenant(&scene.database, other, scene.day.now);
    let made = new_occupancy(&scene.day, scene.apartment, stranger, "2026-03-01", None);
    assert_eq!(
        occupancies::insert(&scene.database, &made),
        Err(occupancies::OccupancyRefusal::Store(StoreError::ForeignKey))
    );
}

#[test]
fn deposits_stay_within_the_agreement_and_what_is_held() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-01", None);
    let enter = |action, amount| {
        let entry = occupancies::DepositEntry {
            id: uuid_v7(scene.day.now, random()),
            company: scene.day.id,
            occupancy: lease,
            action,
            amount: money(amount),
            reason: None,
            at: scene.day.now,
            by: UserId::generate(scene.day.now, random()),
        };
        occupancies::enter_deposit(&scene.database, &entry).map(|found| found.unwrap().deposit_held.minor_units())
    };
    let rule = |error| Err(occupancies::OccupancyRefusal::Rule(error));
    assert_eq!(enter(DepositAction::Return, 1), rule(OccupancyError::DepositNotHeld));
    assert_eq!(enter(DepositAction::Receive, 60_000), Ok(60_000));
    assert_eq!(
        enter(DepositAction::Receive, 40_001),
        rule(OccupancyError::DepositExceeded)
    );
    assert_eq!(enter(DepositAction::Deduct, 10_000), Ok(50_000));
    assert_eq!(
        enter(DepositAction::Return, 50_001),
        rule(OccupancyError::DepositNotHeld)
    );
    assert_eq!(enter(DepositAction::Return, 50_000), Ok(0));
}

#[test]
fn an_invoice_follows_its_payments_and_the_day() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-01", None);
    let invoice = scene.issue(lease, 1_000, "2026-03-12");
    let status = || {
        company_owned::find(&scene.database, scene.day.id, invoice.id)
            .unwrap()
            .unwrap()
            .status
    };
    let pay = |amount| {
        let made = payment(&scene.day, invoice.id, scene.tenant, amount);
        scene
            .database
            .transaction(|tx| payments::record(tx, &made))
            .map(|_| made.id)
    };
    let first = pay(400).unwrap();
    assert_eq!(status(), InvoiceStatus::PartiallyPaid);
    today(&scene.database, scene.day.id, noon("2026-03-13"));
    assert_eq!(status(), InvoiceStatus::Overdue);
    assert_eq!(pay(601), Err(LedgerError::Overpayment.into()));
    pay(600).unwrap();
    assert_eq!(status(), InvoiceStatus::Paid);
    let reverse = || {
        scene.database.transaction(|tx| {
            payments::reverse(
                tx,
                scene.day.id,
                first,
                "bounced",
                UserId::generate(scene.day.now, random()),
                scene.day.now,
            )
        })
    };
    assert!(reverse().unwrap().reversed_at.is_some());
    assert_eq!(status(), InvoiceStatus::Overdue);
    assert_eq!(reverse(), Err(LedgerError::AlreadyReversed.into()));
    let voided = scene
        .database
        .transaction(|tx| invoices::void(tx, &scene.day, invoice.id));
    assert_eq!(voided, Err(LedgerError::HasPayments.into()));
}

#[test]
fn late_fees_reminders_and_overdue_notices_happen_once() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-01", None);
    scene.issue(lease, 10_000, "2026-03-12");
    let mut settings = company_settings::find(&scene.database, scene.day.id).unwrap().unwrap();
    settings.late_fee = LateFee {
        r#type: LateFeeType::Percent,
        value: 5,
        grace_days: Days::new(3),
    };
    settings.billing = Billing {
        reminder_days: Days::new(3),
        ..Billing::default()
    };
    let mails = |template: &str| {
        let rows = scene
            .database
            .query("SELECT count(*) FROM outbox WHERE template = ?1", params![template])
            .unwrap();
        rows[0].get::<i64>(0).unwrap()
    };
    for _ in 0..2 {
        billing::remind(&scene.database, &scene.day, &settings, &MEANS).unwrap();
        assert_eq!(mails("payment-reminder"), 1);
    }
    let at = |day: &str| today(&scene.database, scene.day.id, noon(day));
    for _ in 0..2 {
        billing::tell_overdue(&scene.database, &at("2026-03-13"), &MEANS).unwrap();
        assert_eq!(mails("payment-overdue"), 1);
    }
    let charge = |day: &str| {
        billing::charge_late_fees(&scene.database, &at(day), &settings, &MEANS, |_, _| Ok(()))
            .unwrap()
            .0
    };
    assert_eq!(charge("2026-03-15"), 0, "the third day of grace");
    assert_eq!(charge("2026-03-16"), 1);
    assert_eq!(charge("2026-03-16"), 0);
    assert_eq!(charge("2026-05-16"), 0, "fees bear no fees");
    let fee = scene
        .database
        .query(
            "SELECT total_amount, invoice_number FROM invoices WHERE kind = 'LATE_FEE'",
            &[],
        )
        .unwrap();
    assert_eq!(
        (fee[0].get::<i64>(0).unwrap(), fee[0].get::<String>(1).unwrap()),
        (500, "2026-000002".to_owned())
    );
}

#[test]
fn a_generated_month_is_prorated_and_dated_by_what_it_bills() {
    let scene = scene("2026-03-10");
    scene.lease("2024-02-15", Some("2026-03-31"));
    let settings = company_settings::find(&scene.database, scene.day.id).unwrap().unwrap();
    let generate = |month: &str| {
        let month = month.parse().unwrap();
        billing::generate_month(&scene.database, &scene.day, &settings, &MEANS, month, |_, _| Ok(()))
            .map(|generated| (generated.created, generated.skipped))
            .unwrap()
    };
    assert_eq!(generate("2024-01"), (0, 0));
    assert_eq!(generate("2024-02"), (1, 0));
    assert_eq!(generate("2024-02"), (0, 1));
    assert_eq!(generate("2026-03"), (1, 0));
    assert_eq!(generate("2026-04"), (0, 0));
    let rows = scene
        .database
        .query(
            "SELECT invoice_number, total_amount, invoice_date, due_date, status FROM invoices ORDER BY invoice_date",
            &[],
        )
        .unwrap();
    let read = |row: &nexus_store::Row| {
        let text = |index| row.get::<String>(index).unwrap();
        (text(0), row.get::<i64>(1).unwrap(), text(2), text(3), text(4))
    };
    let expected = |number: &str, total, date: &str, due: &str, status: &str| {
        (
            number.to_owned(),
            total,
            date.to_owned(),
            due.to_owned(),
            status.to_owned(),
        )
    };
    // 15 of 29 days of 310,000
    assert_eq!(
        read(&rows[0]),
        expected("2024-000001", 160_345, "2024-02-15", "2024-02-22", "OVERDUE")
    );
    assert_eq!(
        read(&rows[1]),
        expected("2026-000001", 310_000, "2026-03-01", "2026-03-08", "OVERDUE")
    );
}

#[test]
fn the_dashboard_counts_what_there_is_and_moves_on_with_every_change() {
    let scene = scene("2026-03-10");
    let stamp_at = |now| {
        let state = company_state::state(&scene.database, scene.day.id, now)
            .unwrap()
            .unwrap();
        let state = state.opened(&scene.database).unwrap().unwrap();
        (state.day.clone(), Stamp::of(&state))
    };
    let stamp = || stamp_at(scene.day.now);
    let lease = scene.lease("2026-03-01", Some("2026-03-31"));
    let invoice = scene.issue(lease, 1_000, "2026-03-09");
    let before = stamp().1;
    let made = payment(&scene.day, invoice.id, scene.tenant, 300);
    scene.database.transaction(|tx| payments::record(tx, &made)).unwrap();
    let (day, after) = stamp();
    assert_ne!(before, after);
    let figures = dashboard::figures(&scene.database, &day).unwrap();
    assert_eq!(
        (
            figures.apartments.total,
            figures.apartments.occupied,
            figures.occupancy_rate
        ),
        (1, 1, 1.0)
    );
    assert_eq!(
        (
            figures.occupancies.active,
            figures.occupancies.ending_within_30_days,
            figures.tenants.active
        ),
        (1, 1, 1)
    );
    assert_eq!((figures.invoices.issued, figures.invoices.overdue), (1, 1));
    assert_eq!(
        (figures.invoices.outstanding_amount, figures.invoices.overdue_amount),
        (700, 700)
    );
    assert_eq!((figures.revenue.this_month, figures.revenue.total), (300, 300));
    let last = figures.revenue.series.last().unwrap();
    assert_eq!(
        (last.month.to_string(), last.billed, last.collected),
        ("2026-03".to_owned(), 1_000, 300)
    );
    scene
        .database
        .transaction(|tx| {
            payments::reverse(
                tx,
                scene.day.id,
                made.id,
                "x",
                UserId::generate(day.now, random()),
                day.now,
            )
        })
        .unwrap();
    let figures = dashboard::figures(&scene.database, &stamp().0).unwrap();
    assert_eq!((figures.revenue.this_month, figures.revenue.total), (0, 0));
    assert_eq!(stamp_at(noon("2026-03-11")).1.today, "2026-03-11");
}
