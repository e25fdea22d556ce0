import assert from "node:assert/strict";
import { test } from "node:test";
import { Realtime } from "../dist/index.js";

/** A server of one connection at a time, without a network. */
class Fake {
  static all = [];
  constructor() {
    this.sent = [];
    Fake.all.push(this);
    queueMicrotask(() => this.onopen());
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.onclose?.();
  }
  say(event, data) {
    this.onmessage({ data: JSON.stringify({ event, data }) });
  }
}

const until = async (condition) => {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.fail("it never came true");
};

const start = async (options = {}) => {
  Fake.all = [];
  const realtime = new Realtime({ url: "http://x", token: () => "t", WebSocket: Fake, minPause: 1, maxPause: 5, ...options });
  realtime.connect();
  await until(() => Fake.all[0]?.sent.length === 1);
  return realtime;
};

test("a message is sent again under its tempId until it is acknowledged", async () => {
  const realtime = await start();
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 0 }] });
  const sent = realtime.send({ chatId: "c", content: "hi" }, "one");
  assert.equal(Fake.all[0].sent[1].data.tempId, "one");
  Fake.all[0].close();
  await until(() => Fake.all[1]?.sent.length === 1);
  Fake.all[1].say("CONNECTED", { chats: [] });
  assert.equal(Fake.all[1].sent[1].data.tempId, "one");
  Fake.all[1].say("MESSAGE_DUPLICATE", { tempId: "one", messageId: "m", seq: 5 });
  assert.equal((await sent).messageId, "m");
  realtime.close();
});

test("reconnecting tells what is known, and a repeated message is shown once", async () => {
  const realtime = await start();
  const shown = [];
  realtime.on("NEW_MESSAGE", (message) => shown.push(message.seq));
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 0 }] });
  for (const seq of [5, 5, 6]) Fake.all[0].say("NEW_MESSAGE", { chatId: "c", seq });
  assert.deepEqual(shown, [5, 6]);
  Fake.all[0].close();
  await until(() => Fake.all[1]?.sent.length === 1);
  assert.deepEqual(Fake.all[1].sent[0].data.lastSeq, { c: 6 });
  realtime.close();
});

test("a passing refusal is tried again and a final one is told", async () => {
  const realtime = await start();
  Fake.all[0].say("CONNECTED", { chats: [] });
  const limited = realtime.send({ chatId: "c", content: "1" }, "a");
  const refused = realtime.send({ chatId: "d", content: "2" }, "b");
  Fake.all[0].say("ERROR", { code: "RATE_LIMIT_EXCEEDED", tempId: "a", retryAfterMs: 1 });
  Fake.all[0].say("ERROR", { code: "NOT_A_MEMBER", tempId: "b", message: "no" });
  await assert.rejects(refused, { code: "NOT_A_MEMBER" });
  await until(() => Fake.all[0].sent.filter((frame) => frame.data.tempId === "a").length === 2);
  Fake.all[0].say("MESSAGE_SENT", { tempId: "a", messageId: "m", seq: 1 });
  await limited;
  realtime.close();
});

test("who connected elsewhere is not fought with", async () => {
  const realtime = await start();
  Fake.all[0].say("CONNECTED", { chats: [] });
  const states = [];
  realtime.on("disconnected", (state) => states.push(state.again));
  Fake.all[0].say("FORCE_DISCONNECT", { code: "DUPLICATE" });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual([states, Fake.all.length], [[false], 1]);
});

test("a connection that answers nothing is given up and the message sent on the next one", async () => {
  const realtime = await start({ patience: 20 });
  Fake.all[0].say("CONNECTED", { chats: [] });
  const sent = realtime.send({ chatId: "c", content: "hi" }, "one");
  // Nothing is heard, and nothing is said of the connection's end either.
  await until(() => Fake.all[1]?.sent.length === 1);
  Fake.all[1].say("CONNECTED", { chats: [] });
  assert.equal(Fake.all[1].sent[1].data.tempId, "one");
  Fake.all[1].say("MESSAGE_SENT", { tempId: "one", messageId: "m", seq: 1 });
  await sent;
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.equal(Fake.all.length, 2);
  realtime.close();
});

test("after a restore of the server what is said anew is shown", async () => {
  const realtime = await start({ lastSeq: { c: 9 } });
  const shown = [];
  realtime.on("NEW_MESSAGE", (message) => shown.push(message.seq));
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 0 }] });
  Fake.all[0].say("NEW_MESSAGE", { chatId: "c", seq: 5 });
  assert.deepEqual(shown, [5]);
  realtime.close();
});

test("closing and connecting again while a token is awaited opens one connection", async () => {
  Fake.all = [];
  let give;
  const token = () => new Promise((resolve) => (give = resolve));
  const realtime = new Realtime({ url: "http://x", token, WebSocket: Fake });
  realtime.connect();
  const first = give;
  realtime.close();
  realtime.connect();
  first("old");
  give("new");
  await until(() => Fake.all[0]?.sent.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(Fake.all.map((socket) => socket.sent[0].data.token), ["new"]);
  realtime.close();
});
