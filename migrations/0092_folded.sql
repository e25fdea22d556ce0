-- Searches and the orders of people's names read the folded columns from here on; crates/store/src/backfill.rs has filled them.

DROP INDEX users_unfolded;
DROP INDEX companies_unfolded;
DROP INDEX compounds_unfolded;
DROP INDEX apartments_unfolded;
DROP INDEX tenants_unfolded;
DROP INDEX payments_unfolded;
DROP INDEX maintenance_requests_unfolded;
DROP INDEX chats_unfolded;
DROP INDEX notifications_unfolded;
DROP INDEX outbox_unfolded;

-- A row that is written without it is found by its ASCII letters at least, and stands in every order.
CREATE TRIGGER users_are_folded AFTER INSERT ON users WHEN NEW.name_folded IS NULL OR NEW.email_folded IS NULL BEGIN
  UPDATE users SET name_folded = coalesce(NEW.name_folded, lower(NEW.name)),
    email_folded = coalesce(NEW.email_folded, lower(NEW.email)) WHERE id = NEW.id;
END;

CREATE TRIGGER companies_are_folded AFTER INSERT ON companies WHEN NEW.name_folded IS NULL BEGIN
  UPDATE companies SET name_folded = lower(NEW.name) WHERE id = NEW.id;
END;

CREATE TRIGGER compounds_are_folded AFTER INSERT ON compounds WHEN NEW.folded IS NULL BEGIN
  UPDATE compounds SET folded = lower(NEW.name) WHERE id = NEW.id;
END;

CREATE TRIGGER apartments_are_folded AFTER INSERT ON apartments WHEN NEW.number_folded IS NULL BEGIN
  UPDATE apartments SET number_folded = lower(NEW.apartment_number) WHERE id = NEW.id;
END;

CREATE TRIGGER tenants_are_folded AFTER INSERT ON tenants WHEN NEW.name_folded IS NULL OR NEW.email_folded IS NULL BEGIN
  UPDATE tenants SET name_folded = coalesce(NEW.name_folded, lower(NEW.full_name)),
    email_folded = coalesce(NEW.email_folded, lower(NEW.email)) WHERE id = NEW.id;
END;

CREATE TRIGGER payments_are_folded AFTER INSERT ON payments WHEN NEW.reference_folded IS NULL AND NEW.reference IS NOT NULL BEGIN
  UPDATE payments SET reference_folded = lower(NEW.reference) WHERE id = NEW.id;
END;

CREATE TRIGGER maintenance_requests_are_folded AFTER INSERT ON maintenance_requests WHEN NEW.folded IS NULL BEGIN
  UPDATE maintenance_requests SET folded = lower(NEW.title || char(10) || NEW.description) WHERE id = NEW.id;
END;

CREATE TRIGGER chats_are_folded AFTER INSERT ON chats WHEN NEW.name_folded IS NULL AND NEW.name IS NOT NULL BEGIN
  UPDATE chats SET name_folded = lower(NEW.name) WHERE id = NEW.id;
END;

CREATE TRIGGER notifications_are_folded AFTER INSERT ON notifications WHEN NEW.folded IS NULL BEGIN
  UPDATE notifications SET folded = lower(NEW.title || char(10) || NEW.body) WHERE id = NEW.id;
END;

CREATE TRIGGER outbox_are_folded AFTER INSERT ON outbox WHEN NEW.recipient_folded IS NULL BEGIN
  UPDATE outbox SET recipient_folded = lower(NEW.recipient) WHERE position = NEW.position;
END;

DROP INDEX users_by_name;
DROP INDEX users_of_all_by_name;
CREATE INDEX users_by_name ON users (company_id, name_folded, id);
CREATE INDEX users_of_all_by_name ON users (name_folded, id);
CREATE INDEX tenants_by_folded_name ON tenants (company_id, name_folded, id);

-- Words of messages, folded as well; letters of scripts without spaces between words are words each. It fills as before.
DROP TABLE message_words;
CREATE VIRTUAL TABLE message_words USING fts5 (content, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'");
UPDATE message_index SET indexed_n = 0;
