//! The jobs that run by the clock, on many nodes at once: each does its work once, and tells each tenant once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use nexus_domain::Role;
use nexus_domain::company::LateFee;
use nexus_store::property::ledger_notices::NoticeContext;
use nexus_store::{
    Database, StoreError, params,
    property::{billing, company_settings, invoices},
};
use property_support::*;

mod property_support;

const NODES: usize = 8;

fn at_once<T: Send>(path: &Path, work: impl Fn(&Database) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(NODES);
    thread::scope(|scope| {
        let run = || {
            let database = Database::open_file(path).unwrap();
            barrier.wait();
            work(&database)
        };
        let handles: Vec<_> = (0..NODES).map(|_| scope.spawn(run)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

fn count(database: &Database, sql: &str) -> i64 {
    database.query(sql, &[]).unwrap()[0].get(0).unwrap()
}

#[test]
fn reminders_overdue_notices_and_late_fees_happen_once_on_however_many_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nexus.db");
    let database = Database::open_file(&path).unwrap();
    let before = noon("2026-03-01");
    let company = company(&database, before);
    let day = today(&database, company, before);
    let place = apartment(&database, company, compound(&database, company, before), "1", before);
    let tenant = tenant(&database, company, before);
    let user = person(&database, company, Role::Student, before);
    database
        .execute("UPDATE tenants SET user_id = ?2 WHERE id = ?1", params![tenant, user])
        .unwrap();
    let lease = occupancy(&database, &day, place, tenant, "2026-01-01", None);
    for _ in 0..40 {
        let mut invoice = draft(&day, lease, tenant, 1_000, "2026-03-03");
        database.transaction(|tx| invoices::insert(tx, &mut invoice)).unwrap();
        database
            .transaction(|tx| invoices::issue(tx, &day, invoice.id))
            .unwrap();
    }
    let fee: LateFee = serde_json::from_str(r#"{"type":"PERCENT","value":10,"graceDays":2}"#).unwrap();
    let settings = database.transaction(|tx| {
        company_settings::edit(tx, company, before, |mut company| {
            company.late_fee = fee;
            Ok::<_, StoreError>(company)
        })
    });
    let settings = settings.unwrap().unwrap().after;
    let means = || NoticeContext {
        random: &random,
        console: "http://localhost",
    };

    let told = at_once(&path, |database| {
        billing::remind(database, &day, &settings, &means()).unwrap().0
    });
    assert_eq!(told.iter().sum::<usize>(), 40, "{told:?}");

    let late = noon("2026-03-04");
    let told = at_once(&path, |database| {
        let day = today(database, company, late);
        billing::tell_overdue(database, &day, &means()).unwrap().0
    });
    assert_eq!(told.iter().sum::<usize>(), 40, "{told:?}");
    let early = today(&database, company, noon("2026-03-05"));
    let (fees, _) = billing::charge_late_fees(&database, &early, &settings, &means(), |_, _| Ok(())).unwrap();
    assert_eq!(fees, 0, "two days of grace");

    let charged = at_once(&path, |database| {
        let day = today(database, company, noon("2026-03-06"));
        billing::charge_late_fees(database, &day, &settings, &means(), |_, _| Ok(()))
            .unwrap()
            .0
    });
    assert_eq!(charged.iter().sum::<usize>(), 40, "{charged:?}");
    for (sql, expected) in [
        (
            "SELECT count(*) FROM invoices WHERE kind = 'LATE_FEE' AND total_amount = 100",
            40,
        ),
        ("SELECT count(DISTINCT invoice_number) FROM invoices", 80),
        ("SELECT last FROM invoice_counters", 80),
        ("SELECT count(*) FROM outbox WHERE template = 'payment-reminder'", 40),
        ("SELECT count(*) FROM outbox WHERE template = 'payment-overdue'", 40),
        ("SELECT count(*) FROM outbox WHERE template = 'invoice-issued'", 40),
        ("SELECT count(*) FROM notifications WHERE kind = 'INVOICE_OVERDUE'", 40),
        ("SELECT count(*) FROM notifications WHERE kind = 'PAYMENT_REMINDER'", 40),
        ("SELECT count(*) FROM notifications WHERE kind = 'INVOICE_ISSUED'", 40),
    ] {
        assert_eq!(count(&database, sql), expected, "{sql}");
    }
    let month_later = today(&database, company, noon("2026-04-06"));
    let (fees, _) = billing::charge_late_fees(&database, &month_later, &settings, &means(), |_, _| Ok(())).unwrap();
    assert_eq!(fees, 0, "one fee per invoice, and none on fees");
}

#[test]
fn invoices_too_small_for_a_fee_keep_no_other_from_its_own() {
    let database = Database::in_memory().unwrap();
    let before = noon("2026-03-01");
    let company = company(&database, before);
    let day = today(&database, company, before);
    let place = apartment(&database, company, compound(&database, company, before), "1", before);
    let tenant = tenant(&database, company, before);
    let lease = occupancy(&database, &day, place, tenant, "2026-01-01", None);
    // One per cent of 49 is rounded to nothing. They are more than a batch, and due before the one that bears a fee.
    let small = std::iter::repeat_n((49, "2026-03-02"), 501);
    for (total, due) in small.chain([(50, "2026-03-03")]) {
        let mut invoice = draft(&day, lease, tenant, total, due);
        database
            .transaction(|tx| {
                invoices::insert(tx, &mut invoice)?;
                invoices::issue(tx, &day, invoice.id).map(drop)
            })
            .unwrap();
    }
    let mut settings = company_settings::find(&database, company).unwrap().unwrap();
    settings.late_fee = serde_json::from_str(r#"{"type":"PERCENT","value":1,"graceDays":0}"#).unwrap();
    let means = NoticeContext {
        random: &random,
        console: "http://localhost",
    };
    let late = today(&database, company, noon("2026-03-05"));
    let charge = || {
        billing::charge_late_fees(&database, &late, &settings, &means, |_, _| Ok(()))
            .unwrap()
            .0
    };
    assert_eq!((charge(), charge()), (1, 0));
}
