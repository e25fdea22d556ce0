// One socket.io-client, driven by JSON lines: orders on standard input, events on standard output.
//   {"connect": url, "options": {…}}   {"emit": event, "data": …, "ack"?: true}   {"disconnect": true}
const readline = require("node:readline");
const { io } = require("socket.io-client");

let socket;

const tell = (event, data) => process.stdout.write(JSON.stringify({ event, data: data ?? null }) + "\n");

const connect = (url, options) => {
  socket = io(url, { forceNew: true, ...options });
  socket.on("connect", () => tell("connect", { id: socket.id, transport: socket.io.engine.transport.name }));
  socket.on("connect_error", (error) => tell("connect_error", { message: error.message }));
  socket.on("disconnect", (reason) => tell("disconnect", { reason }));
  socket.onAny(tell);
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.connect) connect(order.connect, order.options);
  else if (order.disconnect) socket.disconnect();
  else if (order.ack) socket.emit(order.emit, order.data, (answer) => tell("ack", answer));
  else socket.emit(order.emit, ...(order.data === undefined ? [] : [order.data]));
}).on("close", () => process.exit(0));
