//! A month of rent is made in batches: however many callers there are, and wherever one of them stops, it ends up whole.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use nexus_domain::ids::CompanyId;
use nexus_store::property::billing::{self, Generated, MonthBatch};
use nexus_store::property::company_state::CompanyToday;
use nexus_store::property::invoices::InvoiceRefusal;
use nexus_store::property::ledger_notices::NoticeContext;
use nexus_store::{Database, StoreError, params, property::company_settings};
use property_support::*;

const MEANS: NoticeContext<'_> = NoticeContext {
    random: &random,
    console: "http://localhost",
};
/// More than four batches of five, the last of which is not full.
const LEASES: usize = 23;
const AT_ONCE: i64 = 5;

/// So many leases, some of which began on one day.
fn leases(database: &Database, count: usize) -> (CompanyId, CompanyToday) {
    let now = noon("2026-03-01");
    let company = company(database, now);
    let day = today(database, company, now);
    let (estate, tenant) = (compound(database, company, now), tenant(database, company, now));
    for number in 0..count {
        let place = apartment(database, company, estate, &number.to_string(), now);
        let start = format!("2026-01-{:02}", number % 4 + 1);
        occupancy(database, &day, place, tenant, &start, None);
    }
    (company, day)
}

fn generate(
    database: &Database,
    day: &CompanyToday,
    noted: impl Fn(&MonthBatch) -> Result<(), StoreError>,
) -> Result<Generated, InvoiceRefusal> {
    let settings = company_settings::find(database, day.id).unwrap().unwrap();
    let month = "2026-03".parse().unwrap();
    billing::generate_in_batches(database, day, &settings, &MEANS, month, AT_ONCE, |_, batch| {
        noted(batch)
    })
}

fn sums(done: &Generated) -> (usize, usize) {
    (done.created, done.skipped)
}

/// One invoice per lease, and numbers from the first on.
fn assert_whole(database: &Database, company: CompanyId) {
    let rows = database
        .query(
            "SELECT invoice_number, occupancy_id FROM invoices WHERE company_id = ?1",
            params![company],
        )
        .unwrap();
    let column = |place| {
        rows.iter()
            .map(|row| row.get(place).unwrap())
            .collect::<BTreeSet<String>>()
    };
    let expected: BTreeSet<String> = (1..=LEASES).map(|sequence| format!("2026-{sequence:06}")).collect();
    assert_eq!((rows.len(), column(1).len()), (LEASES, LEASES));
    assert_eq!(column(0), expected);
}

#[test]
fn batches_add_up_and_each_tells_its_numbers() {
    let database = Database::in_memory().unwrap();
    let (company, day) = leases(&database, LEASES);
    let numbers = Cell::new(Vec::new());
    let noted = |batch: &MonthBatch| {
        let mut so_far = numbers.take();
        so_far.push((batch.done.created, batch.numbers.clone().unwrap()));
        numbers.set(so_far);
        Ok(())
    };
    assert_eq!(sums(&generate(&database, &day, noted).unwrap()), (LEASES, 0));
    let batch = |first: usize, last: usize| {
        (
            last - first + 1,
            (format!("2026-{first:06}"), format!("2026-{last:06}")),
        )
    };
    assert_eq!(
        numbers.take(),
        [batch(1, 5), batch(6, 10), batch(11, 15), batch(16, 20), batch(21, 23)]
    );
    assert_whole(&database, company);
    assert_eq!(sums(&generate(&database, &day, |_| Ok(())).unwrap()), (0, LEASES));
}

#[test]
fn a_last_batch_that_is_full_is_the_last_all_the_same() {
    let database = Database::in_memory().unwrap();
    let (_, day) = leases(&database, 10);
    assert_eq!(sums(&generate(&database, &day, |_| Ok(())).unwrap()), (10, 0));
}

#[test]
fn what_stops_between_batches_is_gone_on_with() {
    let database = Database::in_memory().unwrap();
    let (company, day) = leases(&database, LEASES);
    for (round, expected) in [10_i64, 20].into_iter().enumerate() {
        let begun = Cell::new(0);
        // The third batch that makes something fails.
        let stops = |batch: &MonthBatch| {
            begun.set(begun.get() + usize::from(batch.done.created > 0));
            if begun.get() == 3 {
                Err(StoreError::Busy)
            } else {
                Ok(())
            }
        };
        assert_eq!(
            generate(&database, &day, stops),
            Err(InvoiceRefusal::Store(StoreError::Busy))
        );
        let rows = database
            .query(
                "SELECT (SELECT count(*) FROM invoices), last FROM invoice_counters",
                &[],
            )
            .unwrap();
        let counts = (rows[0].get::<i64>(0).unwrap(), rows[0].get::<i64>(1).unwrap());
        assert_eq!(counts, (expected, expected), "round {round}: whole batches only");
    }
    assert_eq!(sums(&generate(&database, &day, |_| Ok(())).unwrap()), (3, 20));
    assert_whole(&database, company);
}

#[test]
fn callers_at_once_make_each_invoice_once_and_all_of_them_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nexus.db");
    let database = Database::open_file(&path).unwrap();
    let (company, day) = leases(&database, LEASES);
    let barrier = Barrier::new(8);
    let done: Vec<_> = thread::scope(|scope| {
        let run = || {
            let database = Database::open_file(&path).unwrap();
            barrier.wait();
            generate(&database, &day, |_| Ok(())).unwrap()
        };
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(done.iter().map(|done| done.created).sum::<usize>(), LEASES);
    assert!(
        done.iter().all(|done| done.created + done.skipped == LEASES),
        "each has looked at all of them"
    );
    assert_whole(&database, company);
}
