-- An occupancy's invoices by date.
-- compatible-since: 0092

CREATE INDEX invoices_of_occupancy_by_date ON invoices (company_id, occupancy_id, invoice_date, id);
