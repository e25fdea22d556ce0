-- Answers kept for `Idempotency-Key`, per person and for 24 hours.

CREATE TABLE idempotency_keys (
  user_id TEXT NOT NULL REFERENCES users (id),
  key TEXT NOT NULL,
  -- SHA-256 over method, path and body
  fingerprint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- a request that never came to an answer (its process died) may be repeated after
  in_flight_until INTEGER,
  -- NULL while the request is running
  status INTEGER,
  content_type TEXT,
  body BLOB,
  PRIMARY KEY (user_id, key)
) STRICT;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
