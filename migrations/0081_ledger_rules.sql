-- What the statements of the house never do, refused where it can't be got round.

-- What was issued is no draft again, and what is void stays void.
CREATE TRIGGER issued_invoices_are_not_drafts_again BEFORE UPDATE OF status ON invoices
WHEN NEW.status = 'DRAFT' AND OLD.status <> 'DRAFT' BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER void_invoices_stay_void BEFORE UPDATE OF status ON invoices
WHEN OLD.status = 'VOID' AND NEW.status <> 'VOID' BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

-- PAID is what is paid in full; an invoice for nothing is so from the first.
CREATE TRIGGER invoices_are_paid_in_full BEFORE UPDATE OF status, paid_amount ON invoices
WHEN NEW.status = 'PAID' AND NEW.paid_amount <> NEW.total_amount BEGIN
  SELECT RAISE(ABORT, 'nexus:NOT_PAID_IN_FULL');
END;

CREATE TRIGGER invoices_begin_paid_in_full BEFORE INSERT ON invoices
WHEN NEW.status = 'PAID' AND NEW.paid_amount <> NEW.total_amount BEGIN
  SELECT RAISE(ABORT, 'nexus:NOT_PAID_IN_FULL');
END;

-- The occupancy, the tenant, the lines, the total and the currency are held by 0011_ledger, and so is the number.
CREATE TRIGGER issued_invoices_keep_their_company_and_period
BEFORE UPDATE OF company_id, billing_month, period_start, period_end ON invoices
WHEN OLD.status <> 'DRAFT' AND (
  NEW.company_id <> OLD.company_id OR NEW.billing_month IS NOT OLD.billing_month
  OR NEW.period_start IS NOT OLD.period_start OR NEW.period_end IS NOT OLD.period_end
) BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER drafts_stay_in_the_company_s_currency BEFORE UPDATE OF company_id, currency ON invoices
WHEN OLD.status = 'DRAFT' BEGIN
  SELECT RAISE(ABORT, 'nexus:WRONG_CURRENCY') FROM companies WHERE id = NEW.company_id AND currency <> NEW.currency;
END;

-- A reversal takes the whole payment back; that it does so once is its primary key.
CREATE TRIGGER reversals_are_of_the_whole_payment BEFORE INSERT ON payment_reversals BEGIN
  SELECT RAISE(ABORT, 'nexus:REVERSAL_DIFFERS') FROM payments
  WHERE company_id = NEW.company_id AND id = NEW.payment_id AND amount <> NEW.amount;
END;

CREATE TRIGGER payments_are_of_a_tenant BEFORE INSERT ON payments
WHEN NOT EXISTS (SELECT 1 FROM tenants WHERE company_id = NEW.company_id AND id = NEW.tenant_id) BEGIN
  SELECT RAISE(ABORT, 'nexus:NOT_A_TENANT');
END;

-- What is ended counts as occupied on its days, so only what was cancelled can come to overlap by its status.
CREATE TRIGGER occupancies_do_not_return_to_overlap BEFORE UPDATE OF status ON occupancies
WHEN OLD.status = 'CANCELLED' AND NEW.status <> 'CANCELLED' BEGIN
  SELECT RAISE(ABORT, 'nexus:OCCUPANCY_OVERLAP') FROM occupancies
  WHERE company_id = NEW.company_id AND apartment_id = NEW.apartment_id AND status <> 'CANCELLED' AND id <> NEW.id
    AND start_date <= coalesce(NEW.end_date, '9999-12-31') AND coalesce(end_date, '9999-12-31') >= NEW.start_date;
END;
