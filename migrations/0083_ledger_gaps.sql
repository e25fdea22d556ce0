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

-- What changes by itself says when: apartments have the time from the occupancy that they follow.

DROP TRIGGER apartment_follows_new_occupancy;

CREATE TRIGGER apartment_follows_new_occupancy AFTER INSERT ON occupancies WHEN NEW.status = 'ACTIVE' BEGIN
  UPDATE apartments SET status = 'OCCUPIED', version = version + 1, updated_at = max(updated_at, NEW.updated_at)
  WHERE company_id = NEW.company_id AND id = NEW.apartment_id AND status = 'VACANT';
END;

DROP TRIGGER apartment_follows_occupancy;

CREATE TRIGGER apartment_follows_occupancy AFTER UPDATE OF status ON occupancies WHEN NEW.status <> OLD.status BEGIN
  UPDATE apartments SET version = version + 1, updated_at = max(updated_at, NEW.updated_at),
    status = CASE status WHEN 'VACANT' THEN 'OCCUPIED' ELSE 'VACANT' END
  WHERE company_id = NEW.company_id AND id = NEW.apartment_id AND status IN ('VACANT', 'OCCUPIED')
    AND (status = 'OCCUPIED') <> EXISTS (
      SELECT 1 FROM occupancies o
      WHERE o.company_id = NEW.company_id AND o.apartment_id = NEW.apartment_id AND o.status = 'ACTIVE');
END;

-- A row that goes has no new time of its own: whoever deletes it writes the time down first.
DROP TRIGGER apartment_follows_lost_occupancy;

CREATE TRIGGER apartment_follows_lost_occupancy AFTER DELETE ON occupancies WHEN OLD.status = 'ACTIVE' BEGIN
  UPDATE apartments SET status = 'VACANT', version = version + 1, updated_at = max(updated_at, OLD.updated_at)
  WHERE company_id = OLD.company_id AND id = OLD.apartment_id AND status = 'OCCUPIED';
END;

-- The company that each job came to last on its rounds.
CREATE TABLE job_rounds (
  job TEXT PRIMARY KEY,
  last_company TEXT NOT NULL
) STRICT, WITHOUT ROWID;
