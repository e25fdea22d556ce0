-- For filters that had to read every row of the company.
-- compatible-since: 0086

CREATE INDEX tenants_by_phone ON tenants (company_id, phone, id);
CREATE INDEX tenants_by_national_id ON tenants (company_id, national_id, id);
CREATE INDEX occupancies_by_last_day ON occupancies (company_id, end_date, id);
CREATE INDEX payments_by_method ON payments (company_id, payment_method, id);
CREATE INDEX apartments_of_compound_by_status ON apartments (company_id, compound_id, status, id);
