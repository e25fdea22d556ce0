-- What a request writes for an address that has no account: as many rows, into as many indexes, as for one that has. Each table
-- has the shape of the one that it stands for (outbox, password_resets, one_time_codes), so that a commit takes as long.
-- compatible-since: 0086

CREATE TABLE decoy_mails (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  company_id TEXT,
  recipient_key TEXT NOT NULL,
  params TEXT NOT NULL CHECK (json_valid(params)),
  sealed BLOB NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX decoy_mails_due ON decoy_mails (next_attempt_at, position);
CREATE INDEX decoy_mails_expiring ON decoy_mails (expires_at);
CREATE INDEX decoy_mails_by_company ON decoy_mails (company_id, id);
CREATE INDEX decoy_mails_waiting_by_recipient ON decoy_mails (recipient_key, position);

CREATE TABLE decoy_links (
  token_hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX decoy_links_by_user ON decoy_links (user_id);
CREATE INDEX decoy_links_by_age ON decoy_links (expires_at);

-- One row for each purpose: a code takes the place of the one before it.
CREATE TABLE decoy_codes (
  purpose TEXT PRIMARY KEY,
  code_hash BLOB NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
