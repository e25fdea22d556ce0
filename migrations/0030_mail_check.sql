-- What the provider last said about our key: one row, shared by every instance and node. Readiness is asked for far more
-- often than the provider should be.

CREATE TABLE mail_check (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  checked_at INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('ok', 'rejected', 'unreachable')),
  detail TEXT
) STRICT;
