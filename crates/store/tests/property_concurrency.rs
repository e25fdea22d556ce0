//! Sixty-four writers at once, each with a connection of its own to one file: the books balance, one wins, and
//! nobody is told of a fault.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use nexus_domain::invoice::LedgerError;
use nexus_domain::occupancy::OccupancyError;
use nexus_store::property::ledger_notices::NoticeContext;
use nexus_store::{
    Database, params,
    property::{billing, company_owned, company_settings, invoices, occupancies, payments},
};
use property_support::*;

const WRITERS: usize = 64;

/// Runs `work` on every writer at the same moment, with a connection each.
fn at_once<T: Send>(path: &Path, work: impl Fn(usize, &Database) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(WRITERS);
    thread::scope(|scope| {
        let handles: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (work, barrier) = (&work, &barrier);
                scope.spawn(move || {
                    let database = Database::open_file(path).unwrap();
                    barrier.wait();
                    work(writer, &database)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

#[test]
fn of_overlapping_occupancies_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nexus.db");
    let database = Database::open_file(&path).unwrap();
    let now = noon("2026-03-01");
    let company = company(&database, now);
    let day = today(&database, company, now);
    let place = apartment(&database, company, compound(&database, company, now), "1", now);
    let tenant = tenant(&database, company, now);
    let results = at_once(&path, |writer, database| {
        let start = format!("2026-03-{:02}", writer % 28 + 1);
        occupancies::insert(
            database,
            &new_occupancy(&day, place, tenant, &start, Some("2026-04-30")),
        )
    });
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = results
        .iter()
        .filter(|result| {
            matches!(
                result,
                Err(occupancies::OccupancyRefusal::Rule(OccupancyError::Overlap))
            )
        })
        .count();
    assert_eq!(
        (won, lost),
        (1, WRITERS - 1),
        "{:?}",
        results.iter().find(|r| r.is_err())
    );
}

#[test]
fn payments_on_one_invoice_never_come_to_more_than_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nexus.db");
    let database = Database::open_file(&path).unwrap();
    let now = noon("2026-03-01");
    let company = company(&database, now);
    let day = today(&database, company, now);
    let place = apartment(&database, company, compound(&database, company, now), "1", now);
    let tenant = tenant(&database, company, now);
    let lease = occupancy(&database, &day, place, tenant, "2026-01-01", None);
    let mut invoice = draft(&day, lease, tenant, 1_000, "2026-03-31");
    database.transaction(|tx| invoices::insert(tx, &mut invoice)).unwrap();
    database
        .transaction(|tx| invoices::issue(tx, &day, invoice.id))
        .unwrap();
    let results = at_once(&path, |_, database| {
        database.transaction(|tx| payments::record(tx, &payment(&day, invoice.id, tenant, 70)))
    });
    let paid = results.iter().filter(|result| result.is_ok()).count();
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(invoices::InvoiceRefusal::Rule(LedgerError::Overpayment))))
        .count();
    assert_eq!(
        (paid, refused),
        (14, WRITERS - 14),
        "14 × 70 = 980 is the most that fits"
    );
    let after = company_owned::find(&database, company, invoice.id).unwrap().unwrap();
    assert_eq!(after.paid_amount, money(980));
    let sum = database
        .query(
            "SELECT sum(amount) FROM payments WHERE invoice_id = ?1",
            params![invoice.id],
        )
        .unwrap();
    assert_eq!(sum[0].get::<i64>(0).unwrap(), 980);
}

#[test]
fn a_month_generated_by_many_is_generated_once_and_its_numbers_have_no_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nexus.db");
    let database = Database::open_file(&path).unwrap();
    let now = noon("2026-03-01");
    let company = company(&database, now);
    let day = today(&database, company, now);
    let estate = compound(&database, company, now);
    let tenant = tenant(&database, company, now);
    for number in 0..20 {
        let place = apartment(&database, company, estate, &number.to_string(), now);
        occupancy(&database, &day, place, tenant, "2026-01-01", None);
    }
    let settings = company_settings::find(&database, company).unwrap().unwrap();
    let results = at_once(&path, |_, database| {
        let means = NoticeContext {
            random: &random,
            console: "http://localhost",
        };
        let month = "2026-03".parse().unwrap();
        billing::generate_month(database, &day, &settings, &means, month, |_, _| Ok(()))
            .map(|generated| (generated.created, generated.skipped))
    });
    let created: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(created.iter().filter(|made| **made == (20, 0)).count(), 1);
    assert_eq!(created.iter().filter(|made| **made == (0, 20)).count(), WRITERS - 1);
    let numbers: BTreeSet<String> = database
        .query(
            "SELECT invoice_number FROM invoices WHERE company_id = ?1",
            params![company],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(0).unwrap())
        .collect();
    let expected: BTreeSet<String> = (1..=20).map(|sequence| format!("2026-{sequence:06}")).collect();
    assert_eq!(numbers, expected);
    let mails = database
        .query("SELECT count(*) FROM outbox WHERE company_id = ?1", params![company])
        .unwrap();
    assert_eq!(mails[0].get::<i64>(0).unwrap(), 20, "each tenant was written to once");
}
