-- Invoices and payments: numbers without gaps, paid never more than total, payments reversed and never changed.

CREATE TABLE invoices (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  occupancy_id TEXT NOT NULL,
  -- the occupancy's tenant, here too so that a resident's list needs no join
  tenant_id TEXT NOT NULL,
  -- given with the status ISSUED
  invoice_number TEXT,
  kind TEXT NOT NULL DEFAULT 'MANUAL' CHECK (kind IN ('MANUAL', 'RENT', 'LATE_FEE')),
  -- of rent made for a month, `2026-01`: at most one per occupancy that isn't void
  billing_month TEXT,
  -- the late invoice that this fee is for
  late_fee_for TEXT,
  invoice_date TEXT NOT NULL,
  due_date TEXT NOT NULL,
  period_start TEXT,
  period_end TEXT,
  -- JSON array as the contract has it
  lines TEXT NOT NULL CHECK (json_valid(lines)),
  currency TEXT NOT NULL,
  total_amount INTEGER NOT NULL CHECK (total_amount >= 0),
  paid_amount INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL CHECK (status IN ('DRAFT', 'ISSUED', 'PARTIALLY_PAID', 'PAID', 'OVERDUE', 'VOID')),
  reminded_at INTEGER,
  overdue_told_at INTEGER,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (company_id, id),
  UNIQUE (company_id, invoice_number),
  FOREIGN KEY (company_id, occupancy_id) REFERENCES occupancies (company_id, id),
  FOREIGN KEY (company_id, tenant_id) REFERENCES tenants (company_id, id),
  CONSTRAINT paid_within_total CHECK (paid_amount BETWEEN 0 AND total_amount),
  CONSTRAINT numbered_when_issued CHECK (status IN ('DRAFT', 'VOID') OR invoice_number IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX invoices_of_month ON invoices (company_id, occupancy_id, billing_month)
  WHERE billing_month IS NOT NULL AND status <> 'VOID';
CREATE UNIQUE INDEX invoices_late_fees ON invoices (company_id, late_fee_for) WHERE late_fee_for IS NOT NULL;
CREATE INDEX invoices_by_occupancy ON invoices (company_id, occupancy_id, id);
CREATE INDEX invoices_by_tenant ON invoices (company_id, tenant_id, id);
CREATE INDEX invoices_by_date ON invoices (company_id, invoice_date, id);
CREATE INDEX invoices_by_due ON invoices (company_id, due_date, id);
CREATE INDEX invoices_by_total ON invoices (company_id, total_amount, id);
CREATE INDEX invoices_by_change ON invoices (company_id, updated_at, id);
-- the dashboard's counts and what is owed, from the index alone
CREATE INDEX invoices_by_status ON invoices (company_id, status, due_date, total_amount, paid_amount);
-- what was billed in each month, from the index alone
CREATE INDEX invoices_billed ON invoices (company_id, invoice_date, total_amount, status) WHERE status NOT IN ('DRAFT', 'VOID');

CREATE TABLE invoice_counters (
  company_id TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
  year INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (company_id, year)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER invoices_are_in_the_company_s_currency BEFORE INSERT ON invoices BEGIN
  SELECT RAISE(ABORT, 'nexus:WRONG_CURRENCY') FROM companies WHERE id = NEW.company_id AND currency <> NEW.currency;
END;

CREATE TRIGGER invoice_numbers_stay BEFORE UPDATE OF invoice_number ON invoices
WHEN OLD.invoice_number IS NOT NULL AND NEW.invoice_number IS NOT OLD.invoice_number BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

-- Only drafts go; a number that was given stays in the books.
CREATE TRIGGER issued_invoices_stay BEFORE DELETE ON invoices WHEN OLD.status <> 'DRAFT' BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

-- What was issued says what it said.
CREATE TRIGGER issued_invoices_are_not_rewritten
BEFORE UPDATE OF lines, total_amount, currency, occupancy_id, tenant_id, invoice_date ON invoices
WHEN OLD.status <> 'DRAFT' BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER invoices_with_payments_are_not_voided BEFORE UPDATE OF status ON invoices
WHEN NEW.status = 'VOID' AND OLD.paid_amount > 0 BEGIN
  SELECT RAISE(ABORT, 'nexus:HAS_PAYMENTS');
END;

CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  invoice_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  -- the day in the company's zone
  payment_date TEXT NOT NULL,
  payment_method TEXT NOT NULL CHECK (payment_method IN ('CASH', 'CARD', 'BANK_TRANSFER', 'CHEQUE', 'OTHER')),
  reference TEXT,
  recorded_by TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (company_id, id),
  FOREIGN KEY (company_id, invoice_id) REFERENCES invoices (company_id, id)
) STRICT;

CREATE INDEX payments_by_invoice ON payments (company_id, invoice_id, id);
CREATE INDEX payments_by_tenant ON payments (company_id, tenant_id, id);
CREATE INDEX payments_by_amount ON payments (company_id, amount, id);
-- also what was collected in each month, from the index alone
CREATE INDEX payments_by_date ON payments (company_id, payment_date, id, amount);

CREATE TABLE payment_reversals (
  payment_id TEXT PRIMARY KEY REFERENCES payments (id),
  company_id TEXT NOT NULL,
  -- of the payment, so that a month's reversals are found without the payments
  payment_date TEXT NOT NULL,
  amount INTEGER NOT NULL,
  reason TEXT NOT NULL,
  reversed_by TEXT,
  at INTEGER NOT NULL,
  FOREIGN KEY (company_id, payment_id) REFERENCES payments (company_id, id)
) STRICT;

CREATE INDEX payment_reversals_by_date ON payment_reversals (company_id, payment_date, amount);

CREATE TRIGGER payments_need_an_issued_invoice BEFORE INSERT ON payments BEGIN
  SELECT RAISE(ABORT, 'nexus:NOT_PAYABLE') FROM invoices
  WHERE company_id = NEW.company_id AND id = NEW.invoice_id AND status IN ('DRAFT', 'VOID');
END;

CREATE TRIGGER payments_are_in_the_invoice_s_currency BEFORE INSERT ON payments BEGIN
  SELECT RAISE(ABORT, 'nexus:WRONG_CURRENCY') FROM invoices
  WHERE company_id = NEW.company_id AND id = NEW.invoice_id AND currency <> NEW.currency;
END;

CREATE TRIGGER invoice_follows_payment AFTER INSERT ON payments BEGIN
  UPDATE invoices SET paid_amount = paid_amount + NEW.amount, version = version + 1, updated_at = NEW.created_at,
    status = CASE
      WHEN paid_amount + NEW.amount = total_amount THEN 'PAID'
      WHEN due_date < (SELECT as_of FROM companies WHERE id = NEW.company_id) THEN 'OVERDUE'
      ELSE 'PARTIALLY_PAID' END
  WHERE company_id = NEW.company_id AND id = NEW.invoice_id;
END;

CREATE TRIGGER invoice_follows_reversal AFTER INSERT ON payment_reversals BEGIN
  UPDATE invoices SET paid_amount = paid_amount - NEW.amount, version = version + 1, updated_at = NEW.at,
    status = CASE
      WHEN due_date < (SELECT as_of FROM companies WHERE id = NEW.company_id) THEN 'OVERDUE'
      WHEN paid_amount = NEW.amount THEN 'ISSUED'
      ELSE 'PARTIALLY_PAID' END
  WHERE company_id = NEW.company_id AND id = (SELECT invoice_id FROM payments WHERE id = NEW.payment_id);
END;

CREATE TRIGGER payments_are_not_changed BEFORE UPDATE ON payments BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER payments_are_not_deleted BEFORE DELETE ON payments BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER payment_reversals_are_not_changed BEFORE UPDATE ON payment_reversals BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER payment_reversals_are_not_deleted BEFORE DELETE ON payment_reversals BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

-- what the jobs look for
CREATE INDEX invoices_overdue_untold ON invoices (company_id, id) WHERE status = 'OVERDUE' AND overdue_told_at IS NULL;
