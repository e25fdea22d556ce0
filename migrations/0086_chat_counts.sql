-- A new name of a chat is an event of its own in the feed, and what is unread leaves out what was deleted.

-- A CHECK can't be changed, so the feed is made anew. Its numbers go on: relays remember how far they have read.
DROP TRIGGER relay_feed_session_ended;
DROP TRIGGER relay_feed_session_removed;
DROP TRIGGER relay_feed_user_ended;
DROP TRIGGER relay_feed_member_added;
DROP TRIGGER relay_feed_member_removed;
DROP TRIGGER relay_feed_notification;
DROP TRIGGER relay_feed_message_changed;

CREATE TABLE relay_feed_next (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  -- a component of before tells of a new name by MESSAGE_CHANGED with a user_id
  kind TEXT NOT NULL CHECK (kind IN
    ('SESSION_ENDED', 'USER_ENDED', 'MEMBERSHIP', 'MESSAGE_CHANGED', 'NOTIFICATION', 'CHAT_RENAMED')),
  session_id TEXT,
  user_id TEXT,
  chat_id TEXT,
  notification_id TEXT,
  at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
) STRICT;

INSERT INTO sqlite_sequence (name, seq) SELECT 'relay_feed_next', seq FROM sqlite_sequence WHERE name = 'relay_feed';

INSERT INTO relay_feed_next (n, kind, session_id, user_id, chat_id, notification_id, at)
SELECT n, kind, session_id, user_id, chat_id, notification_id, at FROM relay_feed ORDER BY n;

DROP TABLE relay_feed;
ALTER TABLE relay_feed_next RENAME TO relay_feed;
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

CREATE TRIGGER relay_feed_chat_renamed AFTER UPDATE OF name ON chats
WHEN NEW.name IS NOT OLD.name BEGIN
  INSERT INTO relay_feed (kind, chat_id) VALUES ('CHAT_RENAMED', NEW.id);
END;

-- From here on `own_after_read` counts, of the messages after a member's mark, their own and those that were deleted.
CREATE TRIGGER chat_members_message_deleted AFTER UPDATE OF deleted_at ON messages
WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL BEGIN
  UPDATE chat_members SET own_after_read = own_after_read + 1
  WHERE chat_id = NEW.chat_id AND last_read_seq < NEW.seq AND user_id <> NEW.sender_id;
END;

UPDATE chat_members SET own_after_read = own_after_read + d.deleted FROM (
  SELECT cm.chat_id, cm.user_id, count(*) AS deleted FROM messages m
  CROSS JOIN chat_members cm ON cm.chat_id = m.chat_id AND cm.last_read_seq < m.seq AND cm.user_id <> m.sender_id
  WHERE m.deleted_at IS NOT NULL GROUP BY cm.chat_id, cm.user_id
) d WHERE chat_members.chat_id = d.chat_id AND chat_members.user_id = d.user_id;
