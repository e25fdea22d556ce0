-- Outgoing mail, written in the same transaction as what causes it.

CREATE TABLE outbox (
  -- the order of the commits, which is the order in which one address gets its mails
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  company_id TEXT REFERENCES companies (id),
  user_id TEXT REFERENCES users (id),
  recipient TEXT NOT NULL,
  recipient_key TEXT NOT NULL,
  recipient_name TEXT NOT NULL DEFAULT '',
  template TEXT NOT NULL,
  locale TEXT NOT NULL DEFAULT 'en',
  -- what the template shows, as JSON; nothing secret
  params TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params)),
  -- the secret part of the params (a JSON object), sealed under MAIL_SEAL_KEY with context 'mail:<id>'; NULL once delivered
  sealed BLOB,
  status TEXT NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SENDING', 'SENT', 'FAILED', 'SUPPRESSED')),
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  -- not tried before; moved on by every failure
  next_attempt_at INTEGER NOT NULL,
  -- given up after
  expires_at INTEGER NOT NULL,
  lease_until INTEGER,
  lease_token TEXT,
  sent_at INTEGER,
  -- what the provider calls it (X-Message-Id)
  provider_message_id TEXT,
  -- what became of it according to the provider's events: delivered, bounce, dropped, spamreport …
  provider_event TEXT,
  -- the development mailbox keeps what was rendered
  subject TEXT,
  text_body TEXT,
  html_body TEXT,
  -- secrets can't outlive the delivery
  CONSTRAINT sealed_only_until_delivered CHECK (sealed IS NULL OR status <> 'SENT')
) STRICT;

CREATE INDEX outbox_due ON outbox (next_attempt_at, position) WHERE status IN ('PENDING', 'SENDING');
CREATE INDEX outbox_expiring ON outbox (expires_at) WHERE status IN ('PENDING', 'SENDING');
CREATE INDEX outbox_by_company ON outbox (company_id, id);
-- mails to one address leave in the order in which they were written
CREATE INDEX outbox_waiting_by_recipient ON outbox (recipient_key, position) WHERE status IN ('PENDING', 'SENDING');
CREATE INDEX outbox_mailbox ON outbox (position) WHERE text_body IS NOT NULL;

-- Addresses that nothing is sent to any more.
CREATE TABLE mail_suppressions (
  recipient_key TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- Events of the provider's webhook that were taken, so that one sent twice counts once.
CREATE TABLE mail_events (
  id TEXT PRIMARY KEY,
  mail_id TEXT,
  event TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_events_by_time ON mail_events (at);

-- The circuit breaker around the provider; one row, shared by every instance and node.
CREATE TABLE mail_breaker (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  failures_in_a_row INTEGER NOT NULL DEFAULT 0,
  -- NULL: closed
  opened_at INTEGER,
  next_probe_at INTEGER
) STRICT;

INSERT INTO mail_breaker (one) VALUES (1);
