-- Orders by fields that may be empty: what is empty stands where the expression puts it.

CREATE INDEX apartments_by_floor ON apartments (company_id, coalesce(floor, -1000), id);
CREATE INDEX apartments_by_bedrooms ON apartments (company_id, coalesce(bedrooms, -1), id);
CREATE INDEX occupancies_by_end ON occupancies (company_id, coalesce(end_date, '9999-12-31'), id);
CREATE INDEX occupancies_by_rent ON occupancies (company_id, monthly_rent, id);
CREATE INDEX invoices_by_number ON invoices (company_id, coalesce(invoice_number, ''), id);
CREATE INDEX companies_by_change ON companies (updated_at, id);
