-- Chats, their members and messages, attachments, notifications, presence.

CREATE TABLE chats (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL CHECK (type IN ('DIRECT', 'GROUP')),
  name TEXT,
  -- of a DIRECT chat: both user ids in order, so that two people have one; else NULL
  direct_key TEXT UNIQUE,
  created_by TEXT NOT NULL REFERENCES users (id),
  -- the seq of the last message: 1, 2, 3 … without gaps
  last_seq INTEGER NOT NULL DEFAULT 0,
  -- counts edits and deletions
  last_change INTEGER NOT NULL DEFAULT 0,
  -- of the last message, or of the chat itself
  last_activity_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  CHECK ((type = 'DIRECT') = (direct_key IS NOT NULL))
) STRICT;

CREATE TABLE chat_members (
  chat_id TEXT NOT NULL REFERENCES chats (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  joined_at INTEGER NOT NULL,
  last_read_seq INTEGER NOT NULL DEFAULT 0,
  -- how many messages after last_read_seq are the member's own, so that counting the unread reads one row
  own_after_read INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_members_by_user ON chat_members (user_id, chat_id);

CREATE TABLE messages (
  -- grows with every commit: what is new to a relay is what is above the n it saw last
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  chat_id TEXT NOT NULL REFERENCES chats (id),
  seq INTEGER NOT NULL,
  sender_id TEXT NOT NULL REFERENCES users (id),
  -- the sender's own name for it; one message for ever
  temp_id TEXT,
  message_type TEXT NOT NULL CHECK (message_type IN ('TEXT', 'IMAGE', 'FILE', 'SYSTEM')),
  content TEXT NOT NULL,
  -- JSON array of the objects that answers show
  attachments TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attachments)),
  -- the chat's last_change when this message was stored
  changes_before INTEGER NOT NULL DEFAULT 0,
  -- the chat's last_change made by the last edit or deletion of this message
  change INTEGER,
  created_at INTEGER NOT NULL,
  edited_at INTEGER,
  deleted_at INTEGER,
  UNIQUE (chat_id, seq)
) STRICT;

CREATE INDEX messages_deleted ON messages (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE UNIQUE INDEX messages_by_temp_id ON messages (sender_id, temp_id) WHERE temp_id IS NOT NULL;
CREATE INDEX messages_by_change ON messages (chat_id, change) WHERE change IS NOT NULL;

CREATE TABLE attachments (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL REFERENCES users (id),
  -- set when it is sent; until then only its owner can read it
  chat_id TEXT REFERENCES chats (id),
  message_id TEXT,
  file_name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  width INTEGER,
  height INTEGER,
  -- under which key the bytes are kept
  blob_key TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX attachments_by_owner ON attachments (owner_id, id);
CREATE INDEX attachments_unsent ON attachments (created_at) WHERE message_id IS NULL;
CREATE INDEX attachments_by_message ON attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_by_blob ON attachments (blob_key);

-- Contents that may lie there for nothing: the purge looks whether anything else refers to them.
CREATE TABLE unused_blobs (
  blob_key TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX unused_blobs_by_age ON unused_blobs (since);

CREATE TRIGGER attachments_unused_blob AFTER DELETE ON attachments BEGIN
  INSERT INTO unused_blobs (blob_key, since) VALUES (OLD.blob_key, unixepoch() * 1000) ON CONFLICT DO NOTHING;
END;

-- Words of messages. A send does not pay for it: a search first takes in what came since the last one
-- (message_index), and so does the scheduler.
CREATE VIRTUAL TABLE message_words USING fts5 (content, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');

CREATE TABLE message_index (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  -- messages up to this n are in message_words
  indexed_n INTEGER NOT NULL
) STRICT;

INSERT INTO message_index (one, indexed_n) VALUES (1, 0);

CREATE TABLE notifications (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  link TEXT,
  created_at INTEGER NOT NULL,
  read_at INTEGER
) STRICT;

CREATE INDEX notifications_by_user ON notifications (user_id, id);
CREATE INDEX notifications_by_age ON notifications (created_at);

-- Relays: a node is alive until its lease runs out.
CREATE TABLE relay_nodes (
  id TEXT PRIMARY KEY,
  lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE presence (
  user_id TEXT NOT NULL REFERENCES users (id),
  node_id TEXT NOT NULL,
  online INTEGER NOT NULL CHECK (online IN (0, 1)),
  last_seen_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, node_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX presence_by_node ON presence (node_id);

-- What relays must hear of even when nobody told them: they read on from the n they know.
CREATE TABLE relay_feed (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('SESSION_ENDED', 'USER_ENDED', 'MEMBERSHIP', 'MESSAGE_CHANGED', 'NOTIFICATION')),
  session_id TEXT,
  user_id TEXT,
  chat_id TEXT,
  notification_id TEXT,
  at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
) STRICT;

CREATE INDEX relay_feed_by_age ON relay_feed (at);

CREATE TRIGGER relay_feed_session_ended AFTER UPDATE OF ended_at ON sessions
WHEN NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL BEGIN
  INSERT INTO relay_feed (kind, session_id) VALUES ('SESSION_ENDED', NEW.id);
END;

CREATE TRIGGER relay_feed_session_removed AFTER DELETE ON sessions
WHEN OLD.ended_at IS NULL BEGIN
  INSERT INTO relay_feed (kind, session_id) VALUES ('SESSION_ENDED', OLD.id);
END;

CREATE TRIGGER relay_feed_user_ended AFTER UPDATE OF status ON users
WHEN NEW.status <> 'ACTIVE' AND OLD.status = 'ACTIVE' BEGIN
  INSERT INTO relay_feed (kind, user_id) VALUES ('USER_ENDED', NEW.id);
END;

CREATE TRIGGER relay_feed_member_added AFTER INSERT ON chat_members BEGIN
  INSERT INTO relay_feed (kind, user_id, chat_id) VALUES ('MEMBERSHIP', NEW.user_id, NEW.chat_id);
END;

CREATE TRIGGER relay_feed_member_removed AFTER DELETE ON chat_members BEGIN
  INSERT INTO relay_feed (kind, user_id, chat_id) VALUES ('MEMBERSHIP', OLD.user_id, OLD.chat_id);
END;

CREATE TRIGGER relay_feed_notification AFTER INSERT ON notifications BEGIN
  INSERT INTO relay_feed (kind, user_id, notification_id) VALUES ('NOTIFICATION', NEW.user_id, NEW.id);
END;

CREATE TRIGGER relay_feed_message_changed AFTER UPDATE OF change ON messages
WHEN NEW.change IS NOT NULL BEGIN
  INSERT INTO relay_feed (kind, chat_id) VALUES ('MESSAGE_CHANGED', NEW.chat_id);
END;
