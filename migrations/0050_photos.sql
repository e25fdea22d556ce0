-- Which files maintenance requests show: whoever may see a request may see its photos. Kept by triggers from
-- maintenance_requests.attachments.

CREATE TABLE maintenance_photos (
  attachment_id TEXT NOT NULL REFERENCES attachments (id),
  request_id TEXT NOT NULL REFERENCES maintenance_requests (id) ON DELETE CASCADE,
  company_id TEXT NOT NULL,
  PRIMARY KEY (attachment_id, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX maintenance_photos_of_request ON maintenance_photos (request_id);

CREATE TRIGGER maintenance_photos_of_new AFTER INSERT ON maintenance_requests WHEN NEW.attachments <> '[]' BEGIN
  INSERT OR IGNORE INTO maintenance_photos (attachment_id, request_id, company_id)
  SELECT j.value, NEW.id, NEW.company_id FROM json_each(NEW.attachments) j;
END;

CREATE TRIGGER maintenance_photos_follow AFTER UPDATE OF attachments ON maintenance_requests
WHEN NEW.attachments <> OLD.attachments BEGIN
  DELETE FROM maintenance_photos WHERE request_id = NEW.id;
  INSERT OR IGNORE INTO maintenance_photos (attachment_id, request_id, company_id)
  SELECT j.value, NEW.id, NEW.company_id FROM json_each(NEW.attachments) j;
END;

CREATE INDEX companies_by_logo ON companies (branding ->> 'logo') WHERE branding ->> 'logo' IS NOT NULL;

-- A file that is shown somewhere outlives any purge of files that were never sent.
CREATE TRIGGER attachments_in_use_stay BEFORE DELETE ON attachments
WHEN EXISTS (SELECT 1 FROM maintenance_photos WHERE attachment_id = OLD.id)
  OR EXISTS (SELECT 1 FROM companies WHERE branding ->> 'logo' = OLD.id) BEGIN
  SELECT RAISE(IGNORE);
END;
