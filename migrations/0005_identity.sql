-- Sessions' refreshing, sign-in attempts, one-time codes, password resets, the second factor.

-- a token of the session is derived from this and its number; the token itself is kept nowhere
ALTER TABLE sessions ADD COLUMN refresh_salt BLOB NOT NULL DEFAULT x'';
-- the number of the present refresh token: how often the session has been refreshed
ALTER TABLE sessions ADD COLUMN refresh_counter INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN refreshed_at INTEGER;
-- SIGNED_OUT, TOKEN_REUSED, PASSWORD_CHANGED, …; NULL while it lasts
ALTER TABLE sessions ADD COLUMN ended_reason TEXT;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One row per sign-in that failed or is being checked. A sign-in takes its row before the password is hashed,
-- so no number of simultaneous guesses gets more of them checked than there may be rows.
CREATE TABLE sign_in_attempts (
  id TEXT PRIMARY KEY,
  -- SHA-256 of the address in the form that is compared; unknown addresses are counted, not collected
  email_hash TEXT NOT NULL,
  -- '' where nobody knows it
  address TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_attempts_by_email ON sign_in_attempts (email_hash, at);
CREATE INDEX sign_in_attempts_by_address ON sign_in_attempts (address, at);
CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (at);

-- Requests for mails and tries of codes, counted per window.
CREATE TABLE request_counts (
  -- '<what>:<SHA-256 of the e-mail address>' or '<what>:<client address>'
  key TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  window_ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX request_counts_by_age ON request_counts (window_ends_at);

-- The present six-digit code of a person for a purpose; a new one takes the place of the old.
CREATE TABLE one_time_codes (
  user_id TEXT NOT NULL REFERENCES users (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('VERIFY_EMAIL', 'CHANGE_EMAIL')),
  -- HMAC-SHA-256 under a key of ours: a million codes are tried out in no time
  code_hash BLOB NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  -- CHANGE_EMAIL: the address that the code proves
  new_email TEXT,
  new_email_key TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (user_id, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE password_resets (
  -- SHA-256 of the token
  token_hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX password_resets_by_user ON password_resets (user_id);
CREATE INDEX password_resets_by_age ON password_resets (expires_at);

-- What a request for an unknown address writes instead of a code and a mail: as much, so that it takes as long.
-- Nobody reads it.
CREATE TABLE decoys (
  id TEXT PRIMARY KEY,
  filler TEXT NOT NULL,
  sealed BLOB NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX decoys_by_age ON decoys (at);

CREATE TABLE second_factors (
  user_id TEXT PRIMARY KEY REFERENCES users (id),
  -- the TOTP secret, sealed with context 'totp:<user id>'
  sealed_secret BLOB NOT NULL,
  -- 0 until a first code has been given
  active INTEGER NOT NULL DEFAULT 0 CHECK (active IN (0, 1)),
  -- the 30-second step of the last code taken; that one and earlier ones are not taken again
  last_step INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  activated_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
  user_id TEXT NOT NULL REFERENCES users (id),
  -- SHA-256; a code has 120 random bits
  code_hash TEXT NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX users_to_erase ON users (deletion_requested_at) WHERE deletion_requested_at IS NOT NULL;
