-- A late fee goes with the invoice that was late.

CREATE TRIGGER void_invoices_leave_no_fee BEFORE UPDATE OF status ON invoices
WHEN NEW.status = 'VOID' AND OLD.status <> 'VOID' BEGIN
  SELECT RAISE(ABORT, 'nexus:FEE_STANDS') FROM invoices
  WHERE company_id = NEW.company_id AND late_fee_for = NEW.id AND status <> 'VOID';
END;

CREATE TRIGGER void_invoices_bear_no_fee BEFORE INSERT ON invoices WHEN NEW.late_fee_for IS NOT NULL BEGIN
  SELECT RAISE(ABORT, 'nexus:NOT_LATE') FROM invoices
  WHERE company_id = NEW.company_id AND id = NEW.late_fee_for AND status = 'VOID';
END;
