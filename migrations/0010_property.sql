-- Compounds, apartments, tenants, occupancies. Days are text, `2026-01-31`; money is minor units.
-- Children name their parents by (company_id, id): no row can refer to another company's.

ALTER TABLE companies ADD COLUMN billing TEXT NOT NULL
  DEFAULT '{"dueDays":7,"reminderDays":3,"automatic":true}' CHECK (json_valid(billing));
-- the day, in the company's zone, for which the statuses that follow from dates are stored
ALTER TABLE companies ADD COLUMN as_of TEXT NOT NULL DEFAULT '';

CREATE INDEX companies_by_name ON companies (name, id);

-- One row per company: how many rows each list has, and a number that every change moves on, by which
-- the dashboard knows whether what it kept is still true.
CREATE TABLE company_totals (
  company_id TEXT PRIMARY KEY REFERENCES companies (id) ON DELETE CASCADE,
  version INTEGER NOT NULL DEFAULT 1,
  compounds INTEGER NOT NULL DEFAULT 0,
  apartments INTEGER NOT NULL DEFAULT 0,
  tenants INTEGER NOT NULL DEFAULT 0,
  occupancies INTEGER NOT NULL DEFAULT 0,
  invoices INTEGER NOT NULL DEFAULT 0,
  payments INTEGER NOT NULL DEFAULT 0,
  maintenance_requests INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO company_totals (company_id) SELECT id FROM companies;

CREATE TRIGGER company_totals_made AFTER INSERT ON companies BEGIN
  INSERT INTO company_totals (company_id) VALUES (NEW.id);
END;

-- One currency per company: it stays once anything is priced in it.
CREATE TRIGGER currencies_stay BEFORE UPDATE OF currency ON companies WHEN NEW.currency <> OLD.currency BEGIN
  SELECT RAISE(ABORT, 'nexus:CURRENCY_FIXED') FROM company_totals
  WHERE company_id = OLD.id AND apartments + occupancies + invoices > 0;
END;

CREATE TRIGGER companies_changed AFTER UPDATE OF currency, timezone ON companies BEGIN
  UPDATE company_totals SET version = version + 1 WHERE company_id = NEW.id;
END;

CREATE TABLE compounds (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  name TEXT NOT NULL,
  -- JSON object as the contract has it
  address TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(address)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (company_id, id)
) STRICT;

CREATE INDEX compounds_by_name ON compounds (company_id, name, id);
CREATE INDEX compounds_by_change ON compounds (company_id, updated_at, id);

CREATE TABLE apartments (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  compound_id TEXT NOT NULL,
  apartment_number TEXT NOT NULL,
  floor INTEGER,
  bedrooms INTEGER,
  area_sqm REAL,
  monthly_rent INTEGER NOT NULL CHECK (monthly_rent >= 0),
  -- VACANT and OCCUPIED are kept by the triggers on occupancies; the others are set by staff
  status TEXT NOT NULL DEFAULT 'VACANT' CHECK (status IN ('VACANT', 'OCCUPIED', 'MAINTENANCE', 'INACTIVE')),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (company_id, id),
  UNIQUE (company_id, compound_id, apartment_number),
  FOREIGN KEY (company_id, compound_id) REFERENCES compounds (company_id, id)
) STRICT;

CREATE INDEX apartments_by_number ON apartments (company_id, apartment_number, id);
CREATE INDEX apartments_by_rent ON apartments (company_id, monthly_rent, id);
CREATE INDEX apartments_by_status ON apartments (company_id, status, apartment_number, id);
CREATE INDEX apartments_by_change ON apartments (company_id, updated_at, id);

CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  user_id TEXT REFERENCES users (id),
  full_name TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  phone TEXT,
  national_id TEXT,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (company_id, id)
) STRICT;

-- an account is one tenant of a company at most
CREATE UNIQUE INDEX tenants_by_user ON tenants (company_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX tenants_by_name ON tenants (company_id, full_name, id);
CREATE INDEX tenants_by_email ON tenants (company_id, email_key, id);
CREATE INDEX tenants_by_change ON tenants (company_id, updated_at, id);
-- for the foreign key
CREATE INDEX tenants_of_users ON tenants (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE occupancies (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  apartment_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  start_date TEXT NOT NULL,
  -- the last day, inclusive; NULL: open
  end_date TEXT,
  monthly_rent INTEGER NOT NULL CHECK (monthly_rent >= 0),
  deposit_amount INTEGER NOT NULL DEFAULT 0 CHECK (deposit_amount >= 0),
  deposit_received INTEGER NOT NULL DEFAULT 0,
  -- returned and deducted
  deposit_spent INTEGER NOT NULL DEFAULT 0,
  -- follows from the dates and companies.as_of, but for CANCELLED
  status TEXT NOT NULL CHECK (status IN ('UPCOMING', 'ACTIVE', 'ENDED', 'CANCELLED')),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (company_id, id),
  FOREIGN KEY (company_id, apartment_id) REFERENCES apartments (company_id, id),
  FOREIGN KEY (company_id, tenant_id) REFERENCES tenants (company_id, id),
  CONSTRAINT ends_after_it_starts CHECK (end_date IS NULL OR end_date >= start_date),
  CONSTRAINT deposit_within_agreed CHECK (deposit_received <= deposit_amount),
  CONSTRAINT deposit_within_held CHECK (deposit_spent BETWEEN 0 AND deposit_received)
) STRICT;

CREATE INDEX occupancies_by_apartment ON occupancies (company_id, apartment_id, start_date, end_date, status);
CREATE INDEX occupancies_by_tenant ON occupancies (company_id, tenant_id, id);
CREATE INDEX occupancies_by_start ON occupancies (company_id, start_date, id);
CREATE INDEX occupancies_by_status ON occupancies (company_id, status, end_date, tenant_id);
CREATE INDEX occupancies_by_change ON occupancies (company_id, updated_at, id);

CREATE TRIGGER occupancies_do_not_overlap BEFORE INSERT ON occupancies WHEN NEW.status <> 'CANCELLED' BEGIN
  SELECT RAISE(ABORT, 'nexus:OCCUPANCY_OVERLAP') FROM occupancies
  WHERE company_id = NEW.company_id AND apartment_id = NEW.apartment_id AND status <> 'CANCELLED'
    AND start_date <= coalesce(NEW.end_date, '9999-12-31') AND coalesce(end_date, '9999-12-31') >= NEW.start_date;
END;

CREATE TRIGGER occupancies_do_not_come_to_overlap BEFORE UPDATE OF apartment_id, start_date, end_date ON occupancies
WHEN NEW.status <> 'CANCELLED' BEGIN
  SELECT RAISE(ABORT, 'nexus:OCCUPANCY_OVERLAP') FROM occupancies
  WHERE company_id = NEW.company_id AND apartment_id = NEW.apartment_id AND status <> 'CANCELLED' AND id <> NEW.id
    AND start_date <= coalesce(NEW.end_date, '9999-12-31') AND coalesce(end_date, '9999-12-31') >= NEW.start_date;
END;

CREATE TRIGGER occupancies_need_a_let_apartment BEFORE INSERT ON occupancies BEGIN
  SELECT RAISE(ABORT, 'nexus:APARTMENT_INACTIVE') FROM apartments
  WHERE company_id = NEW.company_id AND id = NEW.apartment_id AND status = 'INACTIVE';
END;

CREATE TRIGGER apartment_follows_new_occupancy AFTER INSERT ON occupancies WHEN NEW.status = 'ACTIVE' BEGIN
  UPDATE apartments SET status = 'OCCUPIED', version = version + 1
  WHERE company_id = NEW.company_id AND id = NEW.apartment_id AND status = 'VACANT';
END;

CREATE TRIGGER apartment_follows_occupancy AFTER UPDATE OF status ON occupancies WHEN NEW.status <> OLD.status BEGIN
  UPDATE apartments SET version = version + 1, status = CASE status WHEN 'VACANT' THEN 'OCCUPIED' ELSE 'VACANT' END
  WHERE company_id = NEW.company_id AND id = NEW.apartment_id AND status IN ('VACANT', 'OCCUPIED')
    AND (status = 'OCCUPIED') <> EXISTS (
      SELECT 1 FROM occupancies o
      WHERE o.company_id = NEW.company_id AND o.apartment_id = NEW.apartment_id AND o.status = 'ACTIVE');
END;

CREATE TRIGGER apartment_follows_lost_occupancy AFTER DELETE ON occupancies WHEN OLD.status = 'ACTIVE' BEGIN
  UPDATE apartments SET status = 'VACANT', version = version + 1
  WHERE company_id = OLD.company_id AND id = OLD.apartment_id AND status = 'OCCUPIED';
END;

-- What happened to the deposit of an occupancy; written once, never changed.
CREATE TABLE deposit_entries (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL,
  occupancy_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('RECEIVE', 'RETURN', 'DEDUCT')),
  amount INTEGER NOT NULL CHECK (amount > 0),
  reason TEXT,
  at INTEGER NOT NULL,
  by_user TEXT,
  FOREIGN KEY (company_id, occupancy_id) REFERENCES occupancies (company_id, id)
) STRICT;

CREATE INDEX deposit_entries_by_occupancy ON deposit_entries (company_id, occupancy_id, id);

CREATE TRIGGER deposit_follows_entries AFTER INSERT ON deposit_entries BEGIN
  UPDATE occupancies SET
    deposit_received = deposit_received + CASE NEW.action WHEN 'RECEIVE' THEN NEW.amount ELSE 0 END,
    deposit_spent = deposit_spent + CASE NEW.action WHEN 'RECEIVE' THEN 0 ELSE NEW.amount END,
    version = version + 1, updated_at = NEW.at
  WHERE company_id = NEW.company_id AND id = NEW.occupancy_id;
END;

CREATE TRIGGER deposit_entries_are_not_changed BEFORE UPDATE ON deposit_entries BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER deposit_entries_are_not_deleted BEFORE DELETE ON deposit_entries BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;
