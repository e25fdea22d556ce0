// The peer: Socket.IO with one row stored for each message, WAL and synchronous=NORMAL as is usual there.
// `node server.cjs <database file>`; says `listening on http://…`. A client's auth is {user, rooms}.
const http = require("node:http");
const { randomUUID } = require("node:crypto");
const Database = require("better-sqlite3");
const { Server } = require("socket.io");

const database = new Database(process.argv[2]);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = NORMAL");
database.exec(`
  CREATE TABLE chats (id TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) STRICT;
  CREATE TABLE messages (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chat_id TEXT NOT NULL, seq INTEGER NOT NULL,
    sender_id TEXT NOT NULL, temp_id TEXT, content TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (chat_id, seq)) STRICT;
  CREATE UNIQUE INDEX by_temp_id ON messages (sender_id, temp_id);
`);
const next = database.prepare(
  "INSERT INTO chats (id, last_seq) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET last_seq = last_seq + 1 RETURNING last_seq",
);
const insert = database.prepare(
  "INSERT INTO messages (id, chat_id, seq, sender_id, temp_id, content, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
);
const store = database.transaction((message) => {
  message.seq = next.get(message.chatId).last_seq;
  insert.run(
    message.id, message.chatId, message.seq, message.senderId, message.tempId, message.content, Date.parse(message.createdAt),
  );
});

const server = http.createServer();
const io = new Server(server, { transports: ["websocket"], perMessageDeflate: false });
io.on("connection", (socket) => {
  const { user, rooms } = socket.handshake.auth;
  socket.join(rooms);
  socket.emit("CONNECTED", { userId: user });
  socket.on("NEW_MESSAGE", ({ chatId, content, tempId }) => {
    const createdAt = new Date().toISOString();
    const message = {
      id: randomUUID(), chatId, seq: 0, senderId: user, content, messageType: "TEXT", attachments: [], tempId,
      createdAt, editedAt: null, deletedAt: null, timestamp: createdAt,
    };
    store(message);
    io.to(chatId).emit("NEW_MESSAGE", message);
    socket.emit("MESSAGE_SENT", { tempId, messageId: message.id, chatId, seq: message.seq, timestamp: createdAt });
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
