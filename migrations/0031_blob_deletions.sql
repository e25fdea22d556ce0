-- Contents whose last reference is gone. They are deleted afterwards, and tried again until that worked: a rejected
-- document must not lie on only because the blob store was away for a moment.

CREATE TABLE blob_deletions (
  blob_key TEXT PRIMARY KEY,
  queued_at INTEGER NOT NULL,
  -- when its deletion was begun; NULL: not yet
  taken_at INTEGER,
  done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;

CREATE INDEX blob_deletions_open ON blob_deletions (queued_at) WHERE done = 0;
CREATE INDEX blob_deletions_done ON blob_deletions (queued_at) WHERE done = 1;

-- Equal contents share a blob, and it is put before the row that refers to it. A row whose blob may have been deleted
-- in between is refused; whoever uploads repeats it.
CREATE TRIGGER documents_need_their_blob BEFORE INSERT ON documents
WHEN EXISTS (SELECT 1 FROM blob_deletions WHERE blob_key = new.blob_key AND taken_at > new.created_at - 60000) BEGIN
  SELECT RAISE(ABORT, 'nexus:BLOB_IS_GOING');
END;

CREATE TRIGGER attachments_need_their_blob BEFORE INSERT ON attachments
WHEN EXISTS (SELECT 1 FROM blob_deletions WHERE blob_key = new.blob_key AND taken_at > new.created_at - 60000) BEGIN
  SELECT RAISE(ABORT, 'nexus:BLOB_IS_GOING');
END;
