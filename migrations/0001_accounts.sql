-- Companies, people, sessions. Times are milliseconds since 1970 (UTC).

CREATE TABLE companies (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  currency TEXT NOT NULL,
  timezone TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  -- JSON array of lower-case domains; empty: any domain may register
  allowed_email_domains TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(allowed_email_domains)),
  -- JSON objects as the contract has them
  late_fee TEXT NOT NULL DEFAULT '{"type":"NONE","value":0,"graceDays":0}' CHECK (json_valid(late_fee)),
  deposit TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(deposit)),
  branding TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(branding)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  -- the address in the form in which two are compared
  email_key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('STUDENT', 'TENANT', 'MANAGER', 'ADMIN', 'SUPER_ADMIN')),
  company_id TEXT REFERENCES companies (id),
  status TEXT NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'ACTIVE', 'SUSPENDED', 'BANNED')),
  status_reason TEXT,
  -- PHC or modular-crypt string of the password
  password_hash TEXT NOT NULL,
  must_change_password INTEGER NOT NULL DEFAULT 0 CHECK (must_change_password IN (0, 1)),
  -- a temporary password is good until then; NULL: the password is the person's own
  temporary_password_expires_at INTEGER,
  email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
  document_verified INTEGER NOT NULL DEFAULT 0 CHECK (document_verified IN (0, 1)),
  mfa_enabled INTEGER NOT NULL DEFAULT 0 CHECK (mfa_enabled IN (0, 1)),
  locale TEXT NOT NULL DEFAULT 'en',
  discoverable INTEGER NOT NULL DEFAULT 1 CHECK (discoverable IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_login_at INTEGER,
  deletion_requested_at INTEGER,
  version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE INDEX users_by_company ON users (company_id, role, id);
CREATE INDEX users_by_status ON users (status, id);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  -- absolute: refreshing doesn't move it
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  ip TEXT NOT NULL DEFAULT '',
  user_agent TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, ended_at);
