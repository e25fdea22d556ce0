import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Fake, shown, start, until, withTimers } from "./fake.mjs";

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

test("while the server asks for patience all that is to be sent waits, and goes on in order", () =>
  withTimers(async (tick) => {
    const realtime = await start();
    const names = () => Fake.all.at(-1).said("NEW_MESSAGE").map((message) => message.tempId);
    const send = (tempId) => void realtime.send({ chatId: "c", content: "x" }, tempId).catch(() => {});
    Fake.all[0].say("CONNECTED", { chats: [] });
    for (const tempId of ["a", "b"]) send(tempId);
    for (const tempId of ["a", "b"]) {
      Fake.all[0].say("ERROR", { code: "RATE_LIMIT_EXCEEDED", tempId, retryAfterMs: 3_000 });
    }
    send("c");
    tick(2_000);
    assert.deepEqual(names(), ["a", "b"]);
    // The limit is the person's, not the connection's.
    Fake.all[0].close();
    tick(5);
    (await shown(2)).say("CONNECTED", { chats: [] });
    assert.deepEqual(names(), []);
    tick(1_000);
    assert.deepEqual(names(), ["a", "b", "c"]);
    Fake.all[1].say("ERROR", { code: "UNAVAILABLE", tempId: "b" });
    tick(1_000);
    assert.deepEqual(names(), ["a", "b", "c", "b"]);
    realtime.close();
  }));

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


test("a chat that was left is not asked for, and begins anew when one is taken in again", async () => {
  const realtime = await start({ lastSeq: { before: 3 } });
  const shownSeqs = [];
  realtime.on("NEW_MESSAGE", (message) => shownSeqs.push(message.seq));
  const chats = ["c", "d"].map((chatId) => ({ chatId, lastSeq: 4, lastChange: 0 }));
  Fake.all[0].say("CONNECTED", { userId: "u", chats });
  Fake.all[0].say("MEMBER_REMOVED", { chatId: "c", userId: "u" });
  // Somebody else's going changes nothing for us.
  Fake.all[0].say("MEMBER_REMOVED", { chatId: "d", userId: "v" });
  assert.deepEqual(realtime.positions, { d: 4 });
  Fake.all[0].say("CHAT_CREATED", { id: "c", lastSeq: 9 });
  Fake.all[0].say("NEW_MESSAGE", { chatId: "c", seq: 10 });
  Fake.all[0].close();
  assert.deepEqual((await shown(2)).sent[0].data.lastSeq, { c: 10, d: 4 });
  assert.deepEqual(shownSeqs, [10]);
  realtime.close();
});

test("what was said in a chat before word of it came is shown after it", async () => {
  const realtime = await start();
  const shownSeqs = [];
  realtime.on("NEW_MESSAGE", (message) => shownSeqs.push(message.seq));
  Fake.all[0].say("CONNECTED", { userId: "u", chats: [] });
  Fake.all[0].say("CHAT_CREATED", { id: "c", lastSeq: 3 });
  for (const seq of [2, 3, 3, 4]) Fake.all[0].say("NEW_MESSAGE", { chatId: "c", seq });
  assert.deepEqual([shownSeqs, realtime.positions], [[2, 3, 4], { c: 4 }]);
  realtime.close();
});

test("a gap is handed on once", async () => {
  const realtime = await start({ lastSeq: { c: 1 } });
  const gaps = [];
  realtime.on("HISTORY_GAP", (gap) => gaps.push(gap));
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 700, lastChange: 0 }] });
  const gap = { chatId: "c", fromSeq: 2, toSeq: 700 };
  Fake.all[0].say("HISTORY_GAP", gap);
  Fake.all[0].close();
  assert.deepEqual((await shown(2)).sent[0].data.lastSeq, { c: 700 });
  // Too many edits: what lies before is to be fetched again, and what is known stays known.
  Fake.all[1].say("HISTORY_GAP", { chatId: "c", fromSeq: 1, toSeq: 600 });
  assert.deepEqual([gaps.length, gaps[0], realtime.positions], [2, gap, { c: 700 }]);
  realtime.close();
});

test("edits and deletions are handed on, also of messages that are known", async () => {
  const realtime = await start({ lastSeq: { c: 4 } });
  const heard = [];
  for (const event of ["MESSAGE_UPDATED", "MESSAGE_DELETED"]) {
    realtime.on(event, (message) => heard.push([event, message.seq]));
  }
  Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 2 }] });
  Fake.all[0].say("MESSAGE_UPDATED", { chatId: "c", seq: 2 });
  Fake.all[0].say("MESSAGE_DELETED", { chatId: "c", seq: 4 });
  assert.deepEqual([heard, realtime.positions], [[["MESSAGE_UPDATED", 2], ["MESSAGE_DELETED", 4]], { c: 4 }]);
  realtime.close();
});

test("what was read while there was no connection is said on the next one, once", async () => {
  const realtime = await start();
  realtime.read("c", 3);
  realtime.read("c", 2);
  Fake.all[0].say("CONNECTED", { chats: [] });
  assert.deepEqual(Fake.all[0].said("MESSAGE_READ"), [{ chatId: "c", seq: 3 }]);
  realtime.read("c", 4);
  Fake.all[0].close();
  (await shown(2)).say("CONNECTED", { chats: [] });
  assert.deepEqual(Fake.all.map((socket) => socket.said("MESSAGE_READ").length), [2, 0]);
  realtime.close();
});

test("sent twice under one tempId is sent once, and what is too large is not sent at all", async () => {
  const realtime = await start();
  Fake.all[0].say("CONNECTED", { chats: [] });
  const both = [realtime.send({ chatId: "c", content: "hi" }, "one"), realtime.send({ chatId: "c", content: "hi" }, "one")];
  // Three bytes each.
  await assert.rejects(realtime.send({ chatId: "c", content: "€".repeat(22_000) }), { code: "INVALID_PAYLOAD" });
  assert.equal(Fake.all[0].said("NEW_MESSAGE").length, 1);
  Fake.all[0].say("MESSAGE_SENT", { tempId: "one", messageId: "m", seq: 1 });
  assert.deepEqual((await Promise.all(both)).map((sent) => sent.messageId), ["m", "m"]);
  // Without one of our own it gets one that nothing else has.
  realtime.send({ chatId: "c", content: "1" }).catch(() => {});
  realtime.send({ chatId: "c", content: "2" }).catch(() => {});
  const names = Fake.all[0].said("NEW_MESSAGE").map((message) => message.tempId);
  assert.equal(new Set(names).size, 3);
  realtime.close();
});

test("closing refuses what waits and sends nothing any more", async () => {
  const realtime = await start();
  const waits = realtime.send({ chatId: "c", content: "hi" }, "one");
  realtime.close();
  await assert.rejects(waits, { code: "CLOSED" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([Fake.all.length, Fake.all[0].said("NEW_MESSAGE")], [1, []]);
});

test("a listener that fails stops neither the others nor the client", async () => {
  const realtime = await start();
  const reported = [];
  mock.method(globalThis, "queueMicrotask", (report) => {
    assert.throws(report, ({ message }) => Boolean(reported.push(message)));
  });
  try {
    const heard = [];
    realtime.on("FORCE_DISCONNECT", () => {
      throw new Error("of a listener");
    });
    realtime.on("FORCE_DISCONNECT", () => heard.push("said"));
    realtime.on("disconnected", ({ again }) => heard.push(again));
    Fake.all[0].say("FORCE_DISCONNECT", { code: "REVOKED" });
    assert.deepEqual([heard, reported], [["said", false], ["of a listener"]]);
  } finally {
    mock.restoreAll();
  }
});
