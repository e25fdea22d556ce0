import assert from "node:assert/strict";
import { mock } from "node:test";
import { Realtime } from "../dist/index.js";

/** A server of one connection at a time, without a network. */
export class Fake {
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
  /** The data of what was sent under this name. */
  said(event) {
    return this.sent.filter((frame) => frame.event === event).map((frame) => frame.data);
  }
}

export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Works with timers that stand still, too. */
export const until = async (condition) => {
  const patience = performance.now() + 2_000;
  while (!condition()) {
    assert.ok(performance.now() < patience, "it never came true");
    await settled();
  }
};

/** Waits until the client shows its token on its n-th connection. */
export const shown = async (n) => {
  await until(() => Fake.all[n - 1]?.sent.length === 1);
  return Fake.all[n - 1];
};

export const make = (options = {}) => {
  Fake.all = [];
  return new Realtime({ url: "http://x", token: () => "t", WebSocket: Fake, minPause: 1, maxPause: 5, ...options });
};

export const start = async (options = {}) => {
  const realtime = make(options);
  realtime.connect();
  await shown(1);
  return realtime;
};

/** With timers that go on when told to. */
export const withTimers = async (run) => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  try {
    await run((milliseconds) => {
      // A timer that another one starts counts from the end of the step.
      for (let left = milliseconds; left > 0; left -= 1_000) mock.timers.tick(Math.min(left, 1_000));
    });
  } finally {
    mock.timers.reset();
  }
};

export const jwt = (exp) => `h.${btoa(JSON.stringify({ exp: exp / 1_000 }))}.s`;
