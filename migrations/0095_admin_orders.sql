-- Orders in which admins list the people of their company.
-- compatible-since: 0094

CREATE INDEX users_by_creation ON users (company_id, id);
CREATE INDEX users_by_mail ON users (company_id, email_key, id);
