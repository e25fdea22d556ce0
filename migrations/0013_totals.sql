-- company_totals follows every table that a list or the dashboard counts.

CREATE TRIGGER compounds_counted_in AFTER INSERT ON compounds BEGIN
  UPDATE company_totals SET version = version + 1, compounds = compounds + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER compounds_counted_out AFTER DELETE ON compounds BEGIN
  UPDATE company_totals SET version = version + 1, compounds = compounds - 1 WHERE company_id = OLD.company_id;
END;

CREATE TRIGGER apartments_counted_in AFTER INSERT ON apartments BEGIN
  UPDATE company_totals SET version = version + 1, apartments = apartments + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER apartments_counted_out AFTER DELETE ON apartments BEGIN
  UPDATE company_totals SET version = version + 1, apartments = apartments - 1 WHERE company_id = OLD.company_id;
END;

CREATE TRIGGER apartments_changed AFTER UPDATE ON apartments BEGIN
  UPDATE company_totals SET version = version + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER tenants_counted_in AFTER INSERT ON tenants BEGIN
  UPDATE company_totals SET version = version + 1, tenants = tenants + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER tenants_counted_out AFTER DELETE ON tenants BEGIN
  UPDATE company_totals SET version = version + 1, tenants = tenants - 1 WHERE company_id = OLD.company_id;
END;

CREATE TRIGGER occupancies_counted_in AFTER INSERT ON occupancies BEGIN
  UPDATE company_totals SET version = version + 1, occupancies = occupancies + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER occupancies_counted_out AFTER DELETE ON occupancies BEGIN
  UPDATE company_totals SET version = version + 1, occupancies = occupancies - 1 WHERE company_id = OLD.company_id;
END;

CREATE TRIGGER occupancies_changed AFTER UPDATE ON occupancies BEGIN
  UPDATE company_totals SET version = version + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER invoices_counted_in AFTER INSERT ON invoices BEGIN
  UPDATE company_totals SET version = version + 1, invoices = invoices + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER invoices_counted_out AFTER DELETE ON invoices BEGIN
  UPDATE company_totals SET version = version + 1, invoices = invoices - 1 WHERE company_id = OLD.company_id;
END;

CREATE TRIGGER invoices_changed AFTER UPDATE ON invoices BEGIN
  UPDATE company_totals SET version = version + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER maintenance_requests_counted_in AFTER INSERT ON maintenance_requests BEGIN
  UPDATE company_totals SET version = version + 1, maintenance_requests = maintenance_requests + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER maintenance_requests_counted_out AFTER DELETE ON maintenance_requests BEGIN
  UPDATE company_totals SET version = version + 1, maintenance_requests = maintenance_requests - 1 WHERE company_id = OLD.company_id;
END;

CREATE TRIGGER payments_counted_in AFTER INSERT ON payments BEGIN
  UPDATE company_totals SET version = version + 1, payments = payments + 1 WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER payment_reversals_counted AFTER INSERT ON payment_reversals BEGIN
  UPDATE company_totals SET version = version + 1 WHERE company_id = NEW.company_id;
END;
