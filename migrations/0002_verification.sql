-- Verification: cases, their documents and decisions, and the audit log.

-- One case per person. What was decided before it was opened again is in verification_decisions.
CREATE TABLE verification_cases (
  user_id TEXT PRIMARY KEY REFERENCES users (id),
  -- the person's, kept equal by a trigger, so that a company's queue is one index
  company_id TEXT REFERENCES companies (id),
  status TEXT NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
  submitted_at INTEGER NOT NULL,
  decided_at INTEGER,
  decided_by TEXT REFERENCES users (id),
  reason TEXT
) STRICT;

-- The queue of a company, and everybody's: oldest first.
CREATE INDEX verification_cases_by_company ON verification_cases (company_id, submitted_at, user_id);
CREATE INDEX verification_cases_by_time ON verification_cases (submitted_at, user_id);

CREATE TRIGGER verification_cases_follow_their_person AFTER UPDATE OF company_id ON users BEGIN
  UPDATE verification_cases SET company_id = new.company_id WHERE user_id = new.id;
END;

CREATE TABLE documents (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  type TEXT NOT NULL CHECK (type IN ('NATIONAL_ID', 'PASSPORT', 'STUDENT_CARD', 'LEASE', 'OTHER')),
  file_name TEXT NOT NULL,
  content_type TEXT NOT NULL CHECK (content_type IN ('application/pdf', 'image/jpeg', 'image/png', 'image/webp')),
  size INTEGER NOT NULL CHECK (size > 0),
  -- names the content in the blob store
  blob_key TEXT NOT NULL,
  verification_status TEXT NOT NULL DEFAULT 'PENDING'
    CHECK (verification_status IN ('PENDING', 'APPROVED', 'REJECTED')),
  created_at INTEGER NOT NULL,
  verified_at INTEGER,
  verified_by TEXT REFERENCES users (id),
  -- the content is gone from the blob store since then; the row stays as history
  content_deleted_at INTEGER
) STRICT;

CREATE INDEX documents_by_user ON documents (user_id, id);
CREATE INDEX documents_by_blob ON documents (blob_key);
CREATE INDEX documents_to_delete ON documents (verified_at)
  WHERE verification_status = 'REJECTED' AND content_deleted_at IS NULL;

CREATE TABLE verification_decisions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  at INTEGER NOT NULL,
  decided_by TEXT NOT NULL REFERENCES users (id),
  decision TEXT NOT NULL CHECK (decision IN ('APPROVED', 'REJECTED')),
  reason TEXT
) STRICT;

CREATE INDEX verification_decisions_by_user ON verification_decisions (user_id, id);

CREATE TRIGGER verification_decisions_are_not_changed BEFORE UPDATE ON verification_decisions BEGIN
  SELECT RAISE(ABORT, 'nexus:DECISIONS_APPEND_ONLY');
END;

-- Links by which a person without a session hands documents in, by the hash of their token.
CREATE TABLE document_links (
  token_hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX document_links_by_user ON document_links (user_id);


CREATE TABLE audit_log (
  id TEXT PRIMARY KEY,
  -- the chain an entry belongs to: a company's id, or '' for what belongs to none
  chain TEXT NOT NULL,
  -- 1, 2, 3 … in its chain
  position INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor_id TEXT,
  action TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  company_id TEXT,
  ip TEXT NOT NULL DEFAULT '',
  request_id TEXT NOT NULL DEFAULT '',
  details TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
  -- SHA-256 over the entry and the hash before it in the chain
  hash TEXT NOT NULL,
  UNIQUE (chain, position)
) STRICT;

CREATE INDEX audit_log_by_company ON audit_log (company_id, id);

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'nexus:AUDIT_APPEND_ONLY');
END;

CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'nexus:AUDIT_APPEND_ONLY');
END;
