//! Whatever is done to the books, in whatever order, they stay right.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use std::collections::BTreeMap;

use nexus_domain::ids::{InvoiceId, PaymentId, UserId};
use nexus_domain::invoice::InvoiceStatus;
use nexus_store::property::ledger_notices::NoticeContext;
use nexus_store::{
    Database, params,
    property::{billing, company_owned, company_settings, invoices, payments},
};
use property_support::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Draft { total: i64, due_in: i32 },
    Issue(usize),
    Void(usize),
    Delete(usize),
    Pay { invoice: usize, amount: i64 },
    Reverse(usize),
    Generate(u8),
    Fees,
    Sleep(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..500_i64, -5..20_i32).prop_map(|(total, due_in)| Step::Draft { total, due_in }),
        (0..20_usize).prop_map(Step::Issue),
        (0..20_usize).prop_map(Step::Void),
        (0..20_usize).prop_map(Step::Delete),
        (0..20_usize, 1..400_i64).prop_map(|(invoice, amount)| Step::Pay { invoice, amount }),
        (0..20_usize, 1..400_i64).prop_map(|(invoice, amount)| Step::Pay { invoice, amount }),
        (0..20_usize).prop_map(Step::Reverse),
        (1..=12_u8).prop_map(Step::Generate),
        Just(Step::Fees),
        (1..20_u8).prop_map(Step::Sleep),
    ]
}

fn ids<I: std::str::FromStr>(database: &Database, sql: &str) -> Vec<I> {
    database
        .query(sql, &[])
        .unwrap()
        .iter()
        .map(|row| row.parse(0).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_invariant_of_the_ledger_holds_after_any_operations(steps in prop::collection::vec(step(), 1..60)) {
        let database = Database::in_memory().unwrap();
        let mut now = noon("2026-12-20");
        let company = company(&database, now);
        let place = apartment(&database, company, compound(&database, company, now), "1", now);
        let tenant = tenant(&database, company, now);
        let lease = occupancy(&database, &today(&database, company, now), place, tenant, "2026-01-10", Some("2027-03-05"));
        let mut settings = company_settings::find(&database, company).unwrap().unwrap();
        settings.late_fee.r#type = nexus_domain::company::LateFeeType::Fixed;
        settings.late_fee.value = 25;
        let means = NoticeContext { random: &random, console: "" };
        for step in &steps {
            let day = today(&database, company, now);
            let all: Vec<InvoiceId> = ids(&database, "SELECT id FROM invoices ORDER BY id");
            let paid: Vec<PaymentId> = ids(&database, "SELECT id FROM payments ORDER BY id");
            let pick = |index: &usize| all.get(index % all.len().max(1)).copied();
            match step {
                Step::Draft { total, due_in } => {
                    let due = day.today.plus_days(*due_in).to_string();
                    let mut invoice = draft(&day, lease, tenant, *total, &due);
                    database.transaction(|tx| invoices::insert(tx, &mut invoice)).unwrap();
                }
                Step::Issue(index) => {
                    if let Some(id) = pick(index) {
                        let _ = database.transaction(|tx| invoices::issue(tx, &day, id));
                    }
                }
                Step::Void(index) => {
                    if let Some(id) = pick(index) {
                        let _ = database.transaction(|tx| invoices::void(tx, &day, id));
                    }
                }
                Step::Delete(index) => {
                    if let Some(id) = pick(index) {
                        let _ = invoices::delete(&database, company, id);
                    }
                }
                Step::Pay { invoice, amount } => {
                    if let Some(id) = pick(invoice) {
                        let _ = database.transaction(|tx| payments::record(tx, &payment(&day, id, tenant, *amount)));
                    }
                }
                Step::Reverse(index) => {
                    if let Some(id) = paid.get(index % paid.len().max(1)) {
                        let by = UserId::generate(now, random());
                        let _ = database.transaction(|tx| payments::reverse(tx, company, *id, "test", by, now));
                    }
                }
                Step::Generate(month) => {
                    let month = format!("2026-{month:02}").parse().unwrap();
                    billing::generate_month(&database, &day, &settings, &means, month, |_, _| Ok(())).unwrap();
                }
                Step::Fees => {
                    billing::charge_late_fees(&database, &day, &settings, &means, |_, _| Ok(())).unwrap();
                }
                Step::Sleep(days) => now = now.plus_seconds(i64::from(*days) * 86_400),
            }
        }
        let day = today(&database, company, now);
        let sums: BTreeMap<String, i64> = database
            .query(
                "SELECT p.invoice_id, sum(p.amount) FROM payments p LEFT JOIN payment_reversals r ON r.payment_id = p.id \
                 WHERE r.payment_id IS NULL GROUP BY p.invoice_id",
                &[],
            )
            .unwrap()
            .iter()
            .map(|row| (row.get(0).unwrap(), row.get(1).unwrap()))
            .collect();
        let mut numbers: BTreeMap<i16, Vec<i64>> = BTreeMap::new();
        for id in ids::<InvoiceId>(&database, "SELECT id FROM invoices") {
            let invoice = company_owned::find(&database, company, id).unwrap().unwrap();
            let paid = sums.get(&id.to_string()).copied().unwrap_or(0);
            prop_assert_eq!(invoice.paid_amount.minor_units(), paid, "paid is the sum of its payments");
            prop_assert_eq!(invoice.total_amount.minor_units(), invoice.lines.iter().map(|line| line.amount).sum::<i64>());
            match invoice.status {
                InvoiceStatus::Draft => prop_assert!(invoice.invoice_number.is_none() && paid == 0),
                InvoiceStatus::Void => prop_assert_eq!(paid, 0),
                status => prop_assert_eq!(
                    status,
                    InvoiceStatus::of_issued(invoice.total_amount, invoice.paid_amount, invoice.due_date, day.today)
                ),
            }
            if let Some(number) = invoice.invoice_number {
                let (year, sequence) = number.split_once('-').unwrap();
                numbers.entry(year.parse().unwrap()).or_default().push(sequence.parse().unwrap());
            }
        }
        for (year, mut sequence) in numbers {
            sequence.sort_unstable();
            let expected: Vec<i64> = (1..=i64::try_from(sequence.len()).unwrap()).collect();
            prop_assert_eq!(sequence, expected, "numbers of {} have no gaps", year);
        }
        let unsigned = "SELECT i.id FROM invoices i WHERE (i.invoice_number IS NOT NULL) <> EXISTS (SELECT 1 FROM invoice_parties p \
             WHERE p.company_id = i.company_id AND p.invoice_id = i.id)";
        prop_assert!(ids::<InvoiceId>(&database, unsigned).is_empty(), "what has a number says whose it is");
        let orphans = "SELECT f.id FROM invoices f JOIN invoices i ON i.id = f.late_fee_for WHERE i.status = 'VOID' AND f.status <> 'VOID'";
        prop_assert!(database.query(orphans, &[]).unwrap().is_empty(), "no fee outlasts its invoice");
        let totals = database
            .query("SELECT invoices, payments FROM company_totals WHERE company_id = ?1", params![company])
            .unwrap();
        let counts = database.query("SELECT (SELECT count(*) FROM invoices), (SELECT count(*) FROM payments)", &[]).unwrap();
        prop_assert_eq!(&totals, &counts);
    }
}
