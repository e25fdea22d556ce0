//! What no statement may do to the books, whoever writes it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use nexus_domain::occupancy::OccupancyStatus;
use nexus_store::property::{invoices, occupancies, payments};
use property_support::scene::scene;
use property_support::*;

#[test]
fn the_books_are_not_rewritten() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-01", None);
    let invoice = scene.issue(lease, 1_000, "2026-03-12");
    let made = payment(&scene.day, invoice.id, scene.tenant, 10);
    scene.database.transaction(|tx| payments::record(tx, &made)).unwrap();
    for sql in [
        "UPDATE payments SET amount = 1",
        "DELETE FROM payments",
        "UPDATE invoices SET total_amount = 5000",
        "UPDATE invoices SET invoice_number = '2026-999999'",
        "DELETE FROM invoices",
    ] {
        let refused = scene.database.execute(sql, &[]).unwrap_err();
        assert!(refused.is_refused("LEDGER_APPEND_ONLY"), "{sql}: {refused}");
    }
}

#[test]
fn what_no_statement_of_ours_does_is_refused() {
    let scene = scene("2026-03-10");
    let lease = scene.lease("2026-03-01", None);
    let mut cancelled = new_occupancy(&scene.day, scene.apartment, scene.tenant, "2026-03-01", None);
    cancelled.status = OccupancyStatus::Cancelled;
    occupancies::insert(&scene.database, &cancelled).unwrap();
    let other = company(&scene.database, scene.day.now);
    tenant(&scene.database, other, scene.day.now);
    let invoice = scene.issue(lease, 1_000, "2026-03-12");
    let made = payment(&scene.day, invoice.id, scene.tenant, 10);
    scene.database.transaction(|tx| payments::record(tx, &made)).unwrap();
    let void = scene.issue(lease, 1_000, "2026-03-12");
    scene
        .database
        .transaction(|tx| invoices::void(tx, &scene.day, void.id))
        .unwrap();
    let mut draft = draft(&scene.day, lease, scene.tenant, 1_000, "2026-03-12");
    scene
        .database
        .transaction(|tx| invoices::insert(tx, &mut draft))
        .unwrap();
    for (sql, code) in [
        (
            "UPDATE invoices SET status = 'DRAFT' WHERE status = 'PARTIALLY_PAID'",
            "LEDGER_APPEND_ONLY",
        ),
        (
            "UPDATE invoices SET status = 'ISSUED' WHERE status = 'VOID'",
            "LEDGER_APPEND_ONLY",
        ),
        (
            "UPDATE invoices SET period_start = '2026-04-01' WHERE status = 'PARTIALLY_PAID'",
            "LEDGER_APPEND_ONLY",
        ),
        (
            "UPDATE invoices SET status = 'PAID' WHERE status = 'PARTIALLY_PAID'",
            "NOT_PAID_IN_FULL",
        ),
        (
            "INSERT INTO invoices (id, company_id, occupancy_id, tenant_id, invoice_number, invoice_date, due_date, lines, \
             currency, total_amount, status, created_at, updated_at) SELECT 'i', company_id, occupancy_id, tenant_id, '1', \
             invoice_date, due_date, lines, currency, 100, 'PAID', 0, 0 FROM invoices WHERE status = 'DRAFT'",
            "NOT_PAID_IN_FULL",
        ),
        (
            "UPDATE invoices SET currency = 'USD' WHERE status = 'DRAFT'",
            "WRONG_CURRENCY",
        ),
        (
            "INSERT INTO payment_reversals (payment_id, company_id, payment_date, amount, reason, at) \
             SELECT id, company_id, payment_date, amount - 1, 'r', 0 FROM payments",
            "REVERSAL_DIFFERS",
        ),
        (
            "INSERT INTO payments (id, company_id, invoice_id, tenant_id, amount, currency, payment_date, payment_method, \
             created_at) SELECT 'p', p.company_id, p.invoice_id, t.id, 1, p.currency, p.payment_date, 'CASH', 0 \
             FROM payments p JOIN tenants t ON t.company_id <> p.company_id",
            "NOT_A_TENANT",
        ),
        (
            "UPDATE occupancies SET status = 'ACTIVE' WHERE status = 'CANCELLED'",
            "OCCUPANCY_OVERLAP",
        ),
    ] {
        let refused = scene.database.execute(sql, &[]).unwrap_err();
        assert!(refused.is_refused(code), "{sql}: {refused}");
    }
}
