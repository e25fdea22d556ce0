import assert from "node:assert/strict";
import { test } from "node:test";
import { Fake, jwt, make, settled, shown, start, withTimers } from "./fake.mjs";

/** Which code ends it, and how: a farewell or a refusal. */
const ENDS = [
  ["FORCE_DISCONNECT", "DUPLICATE"],
  ["FORCE_DISCONNECT", "REVOKED"],
  ["ERROR", "UNAUTHORIZED"],
  ["ERROR", "PASSWORD_CHANGE_REQUIRED"],
];

test("who connected elsewhere, or may not come in, is not fought with", async () => {
  for (const [event, code] of ENDS) {
    const realtime = await start();
    Fake.all[0].say("CONNECTED", { chats: [] });
    const heard = [];
    realtime.on(event, (data) => heard.push(data.code));
    realtime.on("disconnected", (state) => heard.push(state.again));
    Fake.all[0].say(event, { code });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([heard, Fake.all.length], [[code, false], 1]);
    // When the person wishes so, it goes on.
    realtime.connect();
    await shown(2);
    realtime.close();
  }
});

test("who was sent away for another reason comes again", async () => {
  for (const code of ["INACTIVE", "SHUTDOWN", "TOKEN_EXPIRED"]) {
    const realtime = await start({ keepAlive: false });
    Fake.all[0].say("CONNECTED", { chats: [{ chatId: "c", lastSeq: 4, lastChange: 0 }] });
    const states = [];
    realtime.on("disconnected", (state) => states.push(state.again));
    Fake.all[0].say("FORCE_DISCONNECT", { code });
    Fake.all[0].close();
    const again = await shown(2);
    assert.deepEqual([states, again.sent[0].data.lastSeq], [[true], { c: 4 }]);
    realtime.close();
  }
});

const checks = () => Fake.all.map((socket) => socket.said("HEALTH_CHECK").length);

test("who only reads stays connected, and nothing goes on after closing", () =>
  withTimers(async (tick) => {
    const realtime = await start();
    Fake.all[0].send = function (text) {
      Fake.prototype.send.call(this, text);
      this.say("HEALTH_RESPONSE", {});
    };
    Fake.all[0].say("CONNECTED", { chats: [] });
    tick(300_000);
    assert.deepEqual(checks(), [3]);
    // The next connection has one of its own, and only one.
    Fake.all[0].close();
    tick(5);
    await shown(2);
    Fake.all[1].say("CONNECTED", { chats: [] });
    tick(90_000);
    assert.deepEqual(checks(), [3, 1]);
    realtime.close();
    tick(300_000);
    await settled();
    assert.deepEqual(checks(), [3, 1]);
  }));

test("keeping alive can be set and turned off", async () => {
  for (const [keepAlive, expected] of [[60_000, 5], [false, 0]]) {
    await withTimers(async (tick) => {
      const realtime = await start({ keepAlive, patience: 1_000_000 });
      Fake.all[0].say("CONNECTED", { chats: [] });
      tick(300_000);
      assert.deepEqual(checks(), [expected]);
      realtime.close();
    });
  }
});

test("a connection that is let go by the network without a word is noticed by a HEALTH_CHECK", () =>
  withTimers(async (tick) => {
    const realtime = await start({ keepAlive: 90_000, patience: 15_000 });
    const states = [];
    realtime.on("disconnected", (state) => states.push(state.again));
    Fake.all[0].say("CONNECTED", { chats: [] });
    tick(104_000);
    // Whatever is heard shows that it lives.
    Fake.all[0].say("USER_ONLINE", { userId: "v" });
    tick(86_000);
    // Another one doesn't put off the end of the first one's time.
    realtime.health();
    tick(4_000);
    assert.deepEqual([checks(), states], [[3], []]);
    tick(1_000);
    assert.deepEqual(states, [true]);
    tick(5);
    await shown(2);
    realtime.close();
  }));

test("a server that never lets in is given up", () =>
  withTimers(async (tick) => {
    const realtime = await start({ patience: 15_000 });
    tick(15_000);
    tick(5);
    await shown(2);
    Fake.all[1].say("CONNECTED", { chats: [] });
    tick(60_000);
    assert.equal(Fake.all.length, 2);
    realtime.close();
  }));

test("a server that lets in and throws out at once is left alone for longer each time", () =>
  withTimers(async (tick) => {
    const realtime = await start({ minPause: 1_000, maxPause: 60_000, keepAlive: false });
    // Half of each pause is certain.
    for (const certain of [500, 1_000, 2_000]) {
      const n = Fake.all.length;
      Fake.all.at(-1).say("CONNECTED", { chats: [] });
      Fake.all.at(-1).say("ERROR", { code: "CONNECTION_ERROR" });
      Fake.all.at(-1).close();
      tick(certain - 1);
      await settled();
      assert.equal(Fake.all.length, n);
      tick(certain + 1);
      await shown(n + 1);
    }
    realtime.close();
  }));

test("a fresh token is shown before the old one runs out, by the server's clock", () =>
  withTimers(async (tick) => {
    // The server is an hour behind us.
    const now = Date.now() - 3_600_000;
    const tokens = [jwt(now + 900_000), jwt(now + 1_740_000)];
    const asked = [];
    const token = (fresh) => tokens[asked.push(fresh) - 1];
    const realtime = await start({ token, keepAlive: false });
    Fake.all[0].say("CONNECTED", { chats: [], serverTime: new Date(now).toISOString() });
    tick(830_000);
    await settled();
    assert.deepEqual(asked, [false]);
    tick(11_000);
    await settled();
    assert.deepEqual(Fake.all[0].said("REAUTH"), [{ token: tokens[1] }]);
    assert.deepEqual(asked, [false, true]);
    // Taken: asked again only before that one runs out, which our own clock, standing still, puts 1,740 s ahead.
    Fake.all[0].say("REAUTHENTICATED", { expiresAt: new Date(now + 1_740_000).toISOString() });
    tick(1_600_000);
    await settled();
    assert.equal(asked.length, 2);
    tick(100_000);
    await settled();
    assert.equal(asked.length, 3);
    realtime.close();
  }));

test("a fresh token that is not taken, or not given, is asked for again", () =>
  withTimers(async (tick) => {
    const now = Date.now();
    let asked = 0;
    const token = () => {
      if (++asked === 2) throw new Error("no network");
      return jwt(now + 900_000);
    };
    const realtime = await start({ token, keepAlive: false });
    Fake.all[0].say("CONNECTED", { chats: [], serverTime: new Date(now).toISOString() });
    tick(841_000);
    await settled();
    assert.deepEqual([asked, Fake.all[0].said("REAUTH").length], [2, 0]);
    for (let times = 1; times <= 2; times++) {
      tick(841_000);
      await settled();
      assert.equal(Fake.all[0].said("REAUTH").length, times);
      Fake.all[0].say("ERROR", { code: "UNAVAILABLE" });
    }
    realtime.close();
  }));

test("a token that was refused is not taken for good again", async () => {
  const asked = [];
  const realtime = await start({ token: (fresh) => `t${asked.push(fresh)}` });
  Fake.all[0].say("ERROR", { code: "INVALID_TOKEN" });
  Fake.all[0].close();
  (await shown(2)).say("CONNECTED", { chats: [] });
  Fake.all[1].say("FORCE_DISCONNECT", { code: "TOKEN_EXPIRED" });
  Fake.all[1].close();
  (await shown(3)).say("CONNECTED", { chats: [] });
  Fake.all[2].say("FORCE_DISCONNECT", { code: "SHUTDOWN" });
  Fake.all[2].close();
  await shown(4);
  assert.deepEqual(asked, [false, true, true, false]);
  assert.equal(Fake.all[3].sent[0].data.token, "t4");
  realtime.close();
});

test("a token that comes after closing starts nothing", () =>
  withTimers(async (tick) => {
    const first = jwt(Date.now() + 900_000);
    const given = [];
    let asked = 0;
    const token = () => (asked++ === 0 ? first : new Promise((resolve) => given.push(resolve)));
    const realtime = await start({ token, keepAlive: false });
    Fake.all[0].say("CONNECTED", { chats: [] });
    tick(850_000);
    assert.equal(asked, 2);
    realtime.close();
    given[0](jwt(Date.now() + 900_000));
    await settled();
    tick(3_600_000);
    await settled();
    assert.deepEqual([asked, Fake.all[0].sent.length], [2, 1]);
  }));

test("closing and connecting again while a token is awaited opens one connection", async () => {
  let give;
  const realtime = make({ token: () => new Promise((resolve) => (give = resolve)) });
  realtime.connect();
  const first = give;
  realtime.close();
  realtime.connect();
  first("old");
  give("new");
  await shown(1);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(Fake.all.map((socket) => socket.sent[0].data.token), ["new"]);
  realtime.close();
});
