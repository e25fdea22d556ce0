-- Orders in which people are found: within a company, and over all of them for whoever may write to anyone.

CREATE INDEX users_by_name ON users (company_id, name, id);
CREATE INDEX users_of_all_by_name ON users (name, id);
CREATE INDEX users_of_all_by_role ON users (role, id);
