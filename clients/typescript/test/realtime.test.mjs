import assert from "node:assert/strict";
import { mock, test } from "node:test";
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

test("what is said in a chat learnt of while connected is asked for after a drop", async () => {
  const realtime = await start();
  const shown = [];
  realtime.on("NEW_MESSAGE", (message) => shown.push(message.seq));
  Fake.all[0].say("CONNECTED", { userId: "u", chats: [] });
  Fake.all[0].say("CHAT_CREATED", { id: "made", lastSeq: 0 });
  Fake.all[0].say("CHAT_CREATED", { id: "added", lastSeq: 7 });
  Fake.all[0].say("MEMBER_ADDED", { chatId: "added", userId: "u" });
  // The message was quicker than the word of its chat.
  Fake.all[0].say("NEW_MESSAGE", { chatId: "late", seq: 1 });
  Fake.all[0].say("CHAT_CREATED", { id: "late", lastSeq: 0 });
  Fake.all[0].close();
  await until(() => Fake.all[1]?.sent.length === 1);
  assert.deepEqual(Fake.all[1].sent[0].data.lastSeq, { made: 0, added: 7, late: 1 });
  Fake.all[1].say("CONNECTED", { userId: "u", chats: [{ chatId: "made", lastSeq: 2, lastChange: 0 }] });
  for (const seq of [1, 2]) Fake.all[1].say("NEW_MESSAGE", { chatId: "made", seq });
  assert.deepEqual(shown, [1, 1, 2]);
  realtime.close();
});

test("a chat's first word doesn't move on what is known of it", async () => {
  const realtime = await start();
  const shown = [];
  realtime.on("NEW_MESSAGE", (message) => shown.push(message.seq));
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 0 }] });
  Fake.all[0].say("CHAT_CREATED", { id: "c", lastSeq: 5 });
  Fake.all[0].say("NEW_MESSAGE", { chatId: "c", seq: 5 });
  assert.deepEqual(shown, [5]);
  realtime.close();
});

const checks = (socket) => socket.sent.filter((frame) => frame.event === "HEALTH_CHECK").length;

test("who only reads stays connected, and nothing goes on after closing", async () => {
  const realtime = await start();
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    Fake.all[0].say("CONNECTED", { chats: [] });
    mock.timers.tick(300_000);
    assert.equal(checks(Fake.all[0]), 3);
    // The next connection has one of its own, and only one.
    Fake.all[0].close();
    await until(() => Fake.all[1]?.sent.length === 1);
    mock.timers.tick(300_000);
    assert.deepEqual(Fake.all.map(checks), [3, 0]);
    Fake.all[1].say("CONNECTED", { chats: [] });
    mock.timers.tick(90_000);
    assert.deepEqual(Fake.all.map(checks), [3, 1]);
    realtime.close();
    mock.timers.tick(300_000);
    assert.deepEqual(Fake.all.map(checks), [3, 1]);
  } finally {
    mock.timers.reset();
  }
});

test("keeping alive can be set and turned off", async () => {
  for (const [keepAlive, expected] of [[60_000, 5], [false, 0]]) {
    const realtime = await start({ keepAlive });
    mock.timers.enable({ apis: ["setInterval"] });
    try {
      Fake.all[0].say("CONNECTED", { chats: [] });
      mock.timers.tick(300_000);
      assert.equal(checks(Fake.all[0]), expected);
      realtime.close();
    } finally {
      mock.timers.reset();
    }
  }
});

test("who was let go as inactive comes again", async () => {
  const realtime = await start({ keepAlive: false });
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 0 }] });
  const states = [];
  realtime.on("disconnected", (state) => states.push(state.again));
  Fake.all[0].say("FORCE_DISCONNECT", { code: "INACTIVE" });
  Fake.all[0].close();
  await until(() => Fake.all[1]?.sent.length === 1);
  assert.deepEqual([states, Fake.all[1].sent[0].data.lastSeq], [[true], { c: 4 }]);
  realtime.close();
});

const jwt = (exp) => `h.${btoa(JSON.stringify({ exp: exp / 1_000 }))}.s`;
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a fresh token is shown before the old one runs out, by the server's clock", async () => {
  // The server is an hour behind us.
  const now = Date.now() - 3_600_000;
  const tokens = [jwt(now + 900_000), jwt(now + 1_740_000)];
  let asked = 0;
  const realtime = await start({ token: () => tokens[asked++], keepAlive: false });
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    Fake.all[0].say("CONNECTED", { chats: [], serverTime: new Date(now).toISOString() });
    mock.timers.tick(830_000);
    await settled();
    assert.equal(asked, 1);
    mock.timers.tick(11_000);
    await settled();
    assert.deepEqual(Fake.all[0].sent.at(-1), { event: "REAUTH", data: { token: tokens[1] } });
    realtime.close();
  } finally {
    mock.timers.reset();
  }
});

test("a token that comes after closing starts nothing", async () => {
  const first = jwt(Date.now() + 900_000);
  const given = [];
  let asked = 0;
  const token = () => (asked++ === 0 ? first : new Promise((resolve) => given.push(resolve)));
  const realtime = await start({ token, keepAlive: false });
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    Fake.all[0].say("CONNECTED", { chats: [] });
    mock.timers.tick(850_000);
    assert.equal(asked, 2);
    realtime.close();
    given[0](jwt(Date.now() + 900_000));
    await settled();
    mock.timers.tick(3_600_000);
    await settled();
    assert.deepEqual([asked, Fake.all[0].sent.length], [2, 1]);
  } finally {
    mock.timers.reset();
  }
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
