-- What was issued says from whom and to whom it was, whatever becomes of names and addresses later.

CREATE VIEW parties_today AS
SELECT o.company_id, o.id AS occupancy_id, t.user_id,
  json_object('company', c.name, 'lines', json(coalesce(c.branding -> 'letterhead', '[]')), 'name', t.full_name,
    'email', t.email, 'apartment', a.apartment_number, 'compound', k.name, 'address', json(k.address)) AS parties
FROM occupancies o
JOIN companies c ON c.id = o.company_id
JOIN tenants t ON t.company_id = o.company_id AND t.id = o.tenant_id
JOIN apartments a ON a.company_id = o.company_id AND a.id = o.apartment_id
JOIN compounds k ON k.company_id = o.company_id AND k.id = a.compound_id;

-- Invoices that were issued before this table have no row here and show what is so today.
CREATE TABLE invoice_parties (
  company_id TEXT NOT NULL,
  invoice_id TEXT NOT NULL,
  -- as in parties_today
  parties TEXT NOT NULL CHECK (json_valid(parties)),
  PRIMARY KEY (company_id, invoice_id),
  FOREIGN KEY (company_id, invoice_id) REFERENCES invoices (company_id, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER parties_of_what_is_issued_at_once AFTER INSERT ON invoices WHEN NEW.status NOT IN ('DRAFT', 'VOID') BEGIN
  INSERT INTO invoice_parties (company_id, invoice_id, parties)
  SELECT NEW.company_id, NEW.id, parties FROM parties_today
  WHERE company_id = NEW.company_id AND occupancy_id = NEW.occupancy_id;
END;

CREATE TRIGGER parties_of_what_is_issued AFTER UPDATE OF status ON invoices
WHEN OLD.status = 'DRAFT' AND NEW.status NOT IN ('DRAFT', 'VOID') BEGIN
  INSERT INTO invoice_parties (company_id, invoice_id, parties)
  SELECT NEW.company_id, NEW.id, parties FROM parties_today
  WHERE company_id = NEW.company_id AND occupancy_id = NEW.occupancy_id;
END;

CREATE TRIGGER parties_are_not_rewritten BEFORE UPDATE ON invoice_parties BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;

CREATE TRIGGER parties_stay BEFORE DELETE ON invoice_parties BEGIN
  SELECT RAISE(ABORT, 'nexus:LEDGER_APPEND_ONLY');
END;
