-- What readiness writes, to know that writing works: a full or read-only disk still answers reads.
-- compatible-since: 0092

CREATE TABLE readiness (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  written_at INTEGER NOT NULL
) STRICT;
