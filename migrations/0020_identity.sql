-- Passkeys, people taken over from another system, and contents that nobody came to own.

CREATE TABLE passkeys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  -- as the authenticator named it (WebAuthn Level 3, §4 "Credential ID")
  credential_id BLOB NOT NULL UNIQUE,
  -- bit set of the ways in which the authenticator can be reached
  transports INTEGER NOT NULL,
  -- public key and what else never changes
  static_state BLOB NOT NULL,
  -- signature counter, backup state, … as of the last use
  dynamic_state BLOB NOT NULL,
  -- what its owner calls it
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT;

CREATE INDEX passkeys_by_user ON passkeys (user_id, id);

-- One row per challenge that was sent out and waits for its answer. Taken when the answer comes, right or wrong.
CREATE TABLE passkey_ceremonies (
  -- the challenge in hexadecimal
  challenge TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('ENROL', 'PROVE')),
  -- what was asked for, to be held against the answer
  state BLOB NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_ceremonies_by_user ON passkey_ceremonies (user_id);
CREATE INDEX passkey_ceremonies_by_age ON passkey_ceremonies (expires_at);

-- when `nexus import-users` took the account over; NULL: it was made here
ALTER TABLE users ADD COLUMN imported_at INTEGER;

-- Contents stored for a registration that then failed: the address was taken. Deleted later and not at once, so that
-- the time of the answer tells nothing.
CREATE TABLE discarded_blobs (
  blob_key TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX discarded_blobs_by_age ON discarded_blobs (at);
