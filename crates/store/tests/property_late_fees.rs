//! A late fee goes with the invoice that was late, and is charged once, whatever becomes of either.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod property_support;

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use nexus_domain::company::{Company, Days, LateFee, LateFeeType};
use nexus_domain::ids::{CompanyId, InvoiceId, TenantId, UserId};
use nexus_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, LedgerError};
use nexus_store::property::company_state::CompanyToday;
use nexus_store::property::ledger_notices::NoticeContext;
use nexus_store::{
    Database, params,
    property::{billing, company_owned, company_settings, invoices, payments},
};
use property_support::*;

const MEANS: NoticeContext<'_> = NoticeContext {
    random: &random,
    console: "http://localhost",
};

/// A lease whose company charges 25 for being late.
struct Books {
    database: Database,
    company: CompanyId,
    settings: Company,
    tenant: TenantId,
    folder: tempfile::TempDir,
}

impl Books {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open_file(&folder.path().join("nexus.db")).unwrap();
        let now = noon("2026-03-01");
        let company = company(&database, now);
        let day = today(&database, company, now);
        let place = apartment(&database, company, compound(&database, company, now), "1", now);
        let tenant = tenant(&database, company, now);
        occupancy(&database, &day, place, tenant, "2026-03-01", None);
        let mut settings = company_settings::find(&database, company).unwrap().unwrap();
        settings.late_fee = LateFee {
            r#type: LateFeeType::Fixed,
            value: 25,
            grace_days: Days::new(0),
        };
        Self {
            database,
            company,
            settings,
            tenant,
            folder,
        }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("nexus.db")
    }

    fn on(&self, day: &str) -> CompanyToday {
        today(&self.database, self.company, noon(day))
    }

    fn generate(&self, day: &CompanyToday) -> usize {
        let month = "2026-03".parse().unwrap();
        billing::generate_month(&self.database, day, &self.settings, &MEANS, month, |_, _| Ok(()))
            .unwrap()
            .created
    }

    fn charge(&self, day: &CompanyToday) -> usize {
        billing::charge_late_fees(&self.database, day, &self.settings, &MEANS, |_, _| Ok(()))
            .unwrap()
            .0
    }

    /// Those of a kind, oldest first.
    fn all(&self, kind: InvoiceKind) -> Vec<Invoice> {
        self.database
            .query(
                "SELECT id FROM invoices WHERE company_id = ?1 AND kind = ?2 ORDER BY id",
                params![self.company, kind],
            )
            .unwrap()
            .iter()
            .map(|row| self.invoice(row.parse(0).unwrap()))
            .collect()
    }

    fn invoice(&self, id: InvoiceId) -> Invoice {
        company_owned::find(&self.database, self.company, id).unwrap().unwrap()
    }

    fn void(&self, day: &CompanyToday, id: InvoiceId) -> Result<invoices::Voided, invoices::InvoiceRefusal> {
        self.database.transaction(|tx| invoices::void(tx, day, id))
    }

    /// March's rent, late, with its fee.
    fn late(&self) -> (CompanyToday, Invoice, Invoice) {
        let day = self.on("2026-03-20");
        assert_eq!((self.generate(&day), self.charge(&day)), (1, 1));
        let (rent, fee) = (self.all(InvoiceKind::Rent), self.all(InvoiceKind::LateFee));
        (day, rent[0].clone(), fee[0].clone())
    }
}

#[test]
fn a_voided_invoice_takes_its_fee_with_it_and_neither_comes_back() {
    let books = Books::open();
    let (day, rent, fee) = books.late();
    let voided = books.void(&day, rent.id).unwrap();
    assert_eq!(
        voided.late_fee.map(|fee| (fee.id, fee.status)),
        Some((fee.id, InvoiceStatus::Void))
    );
    assert_eq!(voided.invoice.status, InvoiceStatus::Void);
    let month_later = books.on("2026-04-20");
    assert_eq!(books.charge(&month_later), 0, "nothing is late any more");
    assert_eq!(
        books.void(&month_later, rent.id),
        Err(LedgerError::InvalidTransition(InvoiceStatus::Void).into())
    );
    assert_eq!(books.invoice(rent.id).invoice_number, rent.invoice_number);
    assert_eq!(books.invoice(fee.id).invoice_number, fee.invoice_number);
}

#[test]
fn what_is_billed_again_bears_a_fee_of_its_own_and_one_only() {
    let books = Books::open();
    let (day, rent, _) = books.late();
    books.void(&day, rent.id).unwrap();
    assert_eq!(books.generate(&day), 1, "March is free to be billed again");
    assert_eq!((books.charge(&day), books.charge(&day)), (1, 0));
    let standing = |kind| {
        let all = books.all(kind);
        let standing = all
            .iter()
            .filter(|invoice| invoice.status != InvoiceStatus::Void)
            .count();
        (all.len(), standing)
    };
    assert_eq!(
        (standing(InvoiceKind::Rent), standing(InvoiceKind::LateFee)),
        ((2, 1), (2, 1))
    );
}

#[test]
fn a_fee_that_was_taken_back_by_itself_is_not_charged_again() {
    let books = Books::open();
    let (day, rent, fee) = books.late();
    let alone = books.void(&day, fee.id).unwrap();
    assert_eq!((alone.invoice.id, alone.late_fee), (fee.id, None));
    assert_eq!(books.charge(&books.on("2026-04-20")), 0);
    assert_eq!(books.void(&day, rent.id).unwrap().late_fee, None, "it went before");
}

#[test]
fn an_invoice_whose_fee_was_paid_stays_until_that_is_reversed() {
    let books = Books::open();
    let (day, rent, fee) = books.late();
    let paid = payment(&day, fee.id, books.tenant, 1);
    books.database.transaction(|tx| payments::record(tx, &paid)).unwrap();
    let refused = LedgerError::FeeHasPayments(fee.invoice_number.clone().unwrap());
    assert_eq!(books.void(&day, rent.id), Err(refused.into()));
    assert_eq!(books.invoice(rent.id), rent, "nothing is half done");
    let by = UserId::generate(day.now, random());
    books
        .database
        .transaction(|tx| payments::reverse(tx, books.company, paid.id, "bounced", by, day.now))
        .unwrap();
    books.void(&day, rent.id).unwrap();
    assert_eq!(books.invoice(fee.id).status, InvoiceStatus::Void);
}

/// Both at the same moment, on connections of their own.
fn both<A: Send, B: Send>(
    file: &Path,
    one: impl FnOnce(&Database) -> A + Send,
    other: impl FnOnce(&Database) -> B + Send,
) -> (A, B) {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            let database = Database::open_file(file).unwrap();
            barrier.wait();
            one(&database)
        });
        let database = Database::open_file(file).unwrap();
        barrier.wait();
        let other = other(&database);
        (one.join().unwrap(), other)
    })
}

#[test]
fn of_two_who_void_at_once_one_does_and_of_voiding_and_paying_the_fee_too() {
    for _ in 0..3 {
        let books = Books::open();
        let (day, rent, _) = books.late();
        let void = |database: &Database| database.transaction(|tx| invoices::void(tx, &day, rent.id));
        let (one, other) = both(&books.file(), void, void);
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let lost = one.err().or(other.err());
        assert_eq!(lost, Some(LedgerError::InvalidTransition(InvoiceStatus::Void).into()));

        let books = Books::open();
        let (day, rent, fee) = books.late();
        let paid = payment(&day, fee.id, books.tenant, 25);
        let (voided, paid) = both(
            &books.file(),
            |database| database.transaction(|tx| invoices::void(tx, &day, rent.id)),
            |database| database.transaction(|tx| payments::record(tx, &paid)),
        );
        assert!(voided.is_ok() != paid.is_ok(), "{voided:?} {paid:?}");
        let (rent, fee) = (books.invoice(rent.id), books.invoice(fee.id));
        match voided {
            Ok(_) => assert_eq!((rent.status, fee.status), (InvoiceStatus::Void, InvoiceStatus::Void)),
            Err(_) => assert_eq!((rent.status, fee.status), (InvoiceStatus::Overdue, InvoiceStatus::Paid)),
        }
    }
}

#[test]
fn the_database_itself_leaves_no_fee_on_what_is_void() {
    let books = Books::open();
    let (day, rent, _) = books.late();
    let void = "UPDATE invoices SET status = 'VOID' WHERE kind = 'RENT'";
    let refused = books.database.execute(void, &[]).unwrap_err();
    assert!(refused.is_refused("FEE_STANDS"), "{refused}");
    books.void(&day, rent.id).unwrap();
    let charge = "INSERT INTO invoices (id, company_id, occupancy_id, tenant_id, invoice_number, kind, late_fee_for, \
                  invoice_date, due_date, lines, currency, total_amount, status, created_at, updated_at) SELECT 'i', \
                  company_id, occupancy_id, tenant_id, '1', 'LATE_FEE', id, invoice_date, due_date, lines, currency, 1, \
                  'ISSUED', 0, 0 FROM invoices WHERE kind = 'RENT'";
    let refused = books.database.execute(charge, &[]).unwrap_err();
    assert!(refused.is_refused("NOT_LATE"), "{refused}");
}
