-- What residents report and staff mend.

CREATE TABLE maintenance_requests (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  apartment_id TEXT NOT NULL,
  requested_by TEXT NOT NULL REFERENCES users (id),
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  priority TEXT NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH', 'URGENT')),
  status TEXT NOT NULL CHECK (status IN ('OPEN', 'IN_PROGRESS', 'RESOLVED', 'CLOSED')),
  assignee_id TEXT REFERENCES users (id),
  -- JSON array of attachment ids
  attachments TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attachments)),
  -- JSON array of {at, by, status}, oldest first
  history TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(history)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (company_id, id),
  FOREIGN KEY (company_id, apartment_id) REFERENCES apartments (company_id, id)
) STRICT;

CREATE INDEX maintenance_by_apartment ON maintenance_requests (company_id, apartment_id, id);
CREATE INDEX maintenance_by_requester ON maintenance_requests (company_id, requested_by, id);
CREATE INDEX maintenance_by_status ON maintenance_requests (company_id, status, id);
CREATE INDEX maintenance_by_assignee ON maintenance_requests (company_id, assignee_id, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX maintenance_by_change ON maintenance_requests (company_id, updated_at, id);
CREATE INDEX maintenance_of_requesters ON maintenance_requests (requested_by);
