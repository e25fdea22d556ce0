// The client of `clients/typescript`, driven by JSON lines as `drive.cjs` is.
//   {"connect": url, "options": {"auth": {"token"}}}   {"emit": "NEW_MESSAGE", "data": {…}, "ack"?: true}   {"drop": true}
import readline from "node:readline";
import { createRequire } from "node:module";
import { Realtime } from "../../../clients/typescript/dist/index.js";

// Node before 22 has no WebSocket of its own; socket.io-client brings this one.
const WebSocket = createRequire(import.meta.url)("ws");
const EVENTS = [
  "CONNECTED", "NEW_MESSAGE", "MESSAGE_SENT", "MESSAGE_DUPLICATE", "MESSAGE_UPDATED", "MESSAGE_DELETED", "HISTORY_GAP", "USER_TYPING",
  "USER_STOPPED_TYPING", "USER_ONLINE", "USER_OFFLINE", "CHAT_CREATED", "CHAT_UPDATED", "MEMBER_ADDED", "MEMBER_REMOVED",
  "MESSAGE_READ", "NOTIFICATION", "HEALTH_RESPONSE", "REAUTHENTICATED", "FORCE_DISCONNECT", "ERROR", "disconnected",
];

let realtime;
let socket;

class Droppable extends WebSocket {
  constructor(...all) {
    super(...all);
    socket = this;
  }
}

const tell = (event, data) => process.stdout.write(JSON.stringify({ event, data: data ?? null }) + "\n");

const connect = (url, token) => {
  realtime = new Realtime({ url, token: () => token, WebSocket: Droppable, minPause: 20, maxPause: 200 });
  for (const event of EVENTS) realtime.on(event, (data) => tell(event, data));
  realtime.connect();
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.connect) connect(order.connect, order.options.auth.token);
  else if (order.drop) socket.terminate();
  else if (order.emit === "NEW_MESSAGE") {
    const { tempId, ...message } = order.data;
    realtime.send(message, tempId).then((sent) => tell("ack", sent), (error) => tell("refused", { code: error.code }));
  } else if (order.emit === "TYPING_START") realtime.typing(order.data.chatId, true);
  else if (order.emit === "MESSAGE_READ") realtime.read(order.data.chatId, order.data.seq);
}).on("close", () => process.exit(0));
