-- Whoever runs the place lists all companies, by every field: no company narrows what is read, and companies are
-- seldom written, so each of these orders has its index.

CREATE INDEX companies_by_currency ON companies (currency, id);
CREATE INDEX companies_by_timezone ON companies (timezone, id);
CREATE INDEX companies_by_activity ON companies (is_active, id);
