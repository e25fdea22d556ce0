-- Rows of a file that is being imported: checked as they arrive, taken over in one statement at the end.

CREATE TABLE import_rows (
  import_id TEXT NOT NULL,
  line INTEGER NOT NULL,
  company_id TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
  row_id TEXT NOT NULL,
  -- JSON object of the columns
  row TEXT NOT NULL CHECK (json_valid(row)),
  -- what tells two rows apart where two may not be alike
  natural_key TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (import_id, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX import_rows_by_key ON import_rows (import_id, natural_key, line) WHERE natural_key IS NOT NULL;
CREATE INDEX import_rows_by_age ON import_rows (created_at);
CREATE INDEX import_rows_by_company ON import_rows (company_id);
