// The reference server, `socket.io`, with as much of the chat as comparing needs: who sends hears `MESSAGE_SENT`, and
// everybody hears `NEW_MESSAGE`.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const server = createServer();
const io = new Server(server);
let seq = 0;

io.on("connection", (socket) => {
  socket.emit("CONNECTED", { userId: socket.id });
  socket.on("NEW_MESSAGE", (message) => {
    const stored = { ...message, seq: ++seq };
    io.emit("NEW_MESSAGE", stored);
    socket.emit("MESSAGE_SENT", { tempId: message.tempId, seq: stored.seq });
  });
});

server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();
