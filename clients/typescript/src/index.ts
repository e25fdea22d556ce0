/**
 * A realtime client over the plain WebSocket at `/ws`.
 *
 * It reconnects with growing, jittered pauses, sends every message again under the same `tempId` until it is
 * acknowledged (the server stores it once), and tells on reconnecting up to which `seq` it has each chat, so
 * that what was missed comes before anything new.
 */
import type { AllEvents, ServerEvents } from "./events.js";
import { type Acknowledgement, Outbox, type Outgoing, frame } from "./outbox.js";
import { Positions } from "./positions.js";

export * from "./events.js";
export { type Acknowledgement, type Outgoing, RealtimeError } from "./outbox.js";

export interface Options {
  /** Where the product answers, such as `https://nexus.example.com`. */
  url: string;
  /**
   * Gives a good access token; asked at every connect and before the present one runs out. `fresh`: not the one given
   * last, which was refused or is running out.
   */
  token: (fresh: boolean) => Promise<string> | string;
  /** Up to where a chat is known already, from an earlier visit. */
  lastSeq?: Record<string, number>;
  /** The constructor, where there is no global `WebSocket`. */
  WebSocket?: typeof WebSocket;
  /** The first and the longest pause between two tries, in milliseconds. */
  minPause?: number;
  maxPause?: number;
  /**
   * How long the server may take to let us in, and a message or a `HEALTH_CHECK` may stay unanswered, in milliseconds,
   * before the connection is taken for dead: a network that went away tells nobody, and a browser doesn't say when it
   * last heard from the server.
   */
  patience?: number;
  /**
   * How often a `HEALTH_CHECK` is sent by itself, in milliseconds; `false`: never. The server lets go of whoever says
   * nothing for five minutes, and somebody who only reads says nothing.
   */
  keepAlive?: number | false;
}

type Listener<K extends keyof AllEvents> = (data: AllEvents[K]) => void;

/** The server will not let us in again by itself: signing in anew, or the person's wish, is needed. */
const FINAL = new Set<string>(["DUPLICATE", "REVOKED", "UNAUTHORIZED", "PASSWORD_CHANGE_REQUIRED"]);
/** The token was the reason. */
const STALE = new Set<string>(["TOKEN_EXPIRED", "INVALID_TOKEN", "NO_TOKEN"]);
/** Let in and thrown out sooner is no success: such a server is left alone for longer each time. */
const STEADY = 5_000;
/** Timers can't wait much longer than three weeks. */
const A_DAY = 86_400_000;

export class Realtime {
  private socket: WebSocket | undefined;
  /** Since when we are let in. */
  private since: number | undefined;
  private stopped = true;
  private tries = 0;
  /** Which `open` counts: one that waits for a token may be overtaken. */
  private turn = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reauth: ReturnType<typeof setTimeout> | undefined;
  /** Runs while something must be heard for the connection to count as alive. */
  private silence: ReturnType<typeof setTimeout> | undefined;
  private keepAlive: ReturnType<typeof setInterval> | undefined;
  /** What the connection was opened with. */
  private token = "";
  private stale = false;
  private userId = "";
  /** How far the server's clock is ahead of ours. */
  private ahead = 0;
  private readonly chats: Positions;
  private readonly outbox: Outbox;
  /** By chat, what was read while there was nobody to tell it to. */
  private readonly unsaidReads = new Map<string, number>();
  private readonly listeners = new Map<string, Set<(data: never) => void>>();

  constructor(private readonly options: Options) {
    this.chats = new Positions(options.lastSeq);
    this.outbox = new Outbox((event, data) => this.say(event, data), () => this.lost(), this.patience);
  }

  private get patience(): number {
    return this.options.patience ?? 15_000;
  }

  /** Up to where each chat is known; keep it for the next visit. */
  get positions(): Readonly<Record<string, number>> {
    return this.chats.known;
  }

  on<K extends keyof AllEvents>(event: K, listener: Listener<K>): () => void {
    const all = this.listeners.get(event) ?? new Set();
    all.add(listener as (data: never) => void);
    this.listeners.set(event, all);
    return () => all.delete(listener as (data: never) => void);
  }

  connect(): void {
    if (this.stopped) {
      this.stopped = false;
      this.tries = 0;
      void this.open();
    }
  }

  /** Closes for good; messages that wait are refused with `CLOSED`. */
  close(): void {
    this.stop();
    this.outbox.closed();
  }

  /**
   * Resolves once the message is stored for good, however often the connection drops meanwhile; where there is none, it
   * waits for `connect`. A message that waits already under this `tempId` is not sent twice.
   */
  send(message: Outgoing, tempId: string = newTempId()): Promise<Acknowledgement> {
    return this.outbox.add(message, tempId);
  }

  /** Of the moment: without a connection nobody is told. */
  typing(chatId: string, typing: boolean): void {
    this.say(typing ? "TYPING_START" : "TYPING_STOP", { chatId });
  }

  /** Without a connection it is said on the next one. */
  read(chatId: string, seq: number): void {
    if (!this.say("MESSAGE_READ", { chatId, seq })) {
      this.unsaidReads.set(chatId, Math.max(seq, this.unsaidReads.get(chatId) ?? 0));
    }
  }

  health(): void {
    if (this.since === undefined) return;
    this.awaitWord();
    this.say("HEALTH_CHECK", null);
  }

  private async open(): Promise<void> {
    const turn = ++this.turn;
    let token: string | undefined;
    try {
      token = await this.options.token(this.stale);
    } catch {
      // Tried again, as when the server can't be reached.
    }
    if (this.stopped || turn !== this.turn) return;
    if (token === undefined) {
      this.again();
      return;
    }
    const Socket = this.options.WebSocket ?? WebSocket;
    const socket = new Socket(`${this.options.url.replace(/^http/, "ws").replace(/\/$/, "")}/ws`, "nexus.v1");
    this.socket = socket;
    this.token = token;
    this.stale = false;
    this.awaitWord();
    socket.onopen = () => {
      if (this.socket === socket) socket.send(frame("AUTH", { token, lastSeq: this.chats.known }));
    };
    socket.onmessage = ({ data }: MessageEvent) => {
      if (this.socket === socket) this.hear(String(data));
    };
    // `onclose` comes with it; in Node an error that nobody hears ends the process.
    socket.onerror = () => {};
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  private lost(): void {
    if (this.since !== undefined && performance.now() - this.since >= STEADY) this.tries = 0;
    this.disconnect();
    this.emit("disconnected", { again: !this.stopped });
    this.again();
  }

  private disconnect(): void {
    this.since = undefined;
    this.heard();
    clearTimeout(this.reauth);
    clearInterval(this.keepAlive);
    this.outbox.disconnected();
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  private again(): void {
    if (this.stopped) return;
    const { minPause = 250, maxPause = 15_000 } = this.options;
    const longest = Math.min(maxPause, minPause * 2 ** this.tries++);
    // Half of it by chance: a server that came back isn't run over by everybody at once.
    this.timer = setTimeout(() => void this.open(), longest / 2 + (Math.random() * longest) / 2);
  }

  private stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.disconnect();
  }

  /** Something must be heard soon, whatever it is. */
  private awaitWord(): void {
    this.silence ??= setTimeout(() => this.lost(), this.patience);
  }

  private heard(): void {
    clearTimeout(this.silence);
    this.silence = undefined;
  }

  /** A fresh token before the present one runs out, a minute ahead where there is one. */
  private plan(expires: number | undefined): void {
    clearTimeout(this.reauth);
    if (expires === undefined || Number.isNaN(expires)) return;
    const left = expires - (Date.now() + this.ahead);
    const wait = Math.max(5_000, left - Math.min(60_000, left / 2));
    this.reauth = setTimeout(() => void this.renew(expires), Math.min(wait, A_DAY));
  }

  private async renew(expires: number): Promise<void> {
    const socket = this.socket;
    try {
      const token = await this.options.token(true);
      if (this.socket === socket) this.say("REAUTH", { token });
    } catch {
      // Tried again, as when the server doesn't take it.
    }
    // Closed or reconnected meanwhile: whoever came after has a token and a timer of its own. `REAUTHENTICATED` plans anew.
    if (this.socket === socket) this.plan(expires);
  }

  private hear(text: string): void {
    this.heard();
    const { event, data } = JSON.parse(text) as { event: keyof ServerEvents; data: never };
    switch (event) {
      case "CONNECTED":
        this.connectedTo(data);
        break;
      case "NEW_MESSAGE":
        if (!this.chats.advance(data)) return;
        break;
      case "HISTORY_GAP":
        this.chats.gap(data);
        break;
      case "CHAT_CREATED":
        this.chats.created(data);
        break;
      case "MEMBER_REMOVED": {
        const { chatId, userId }: ServerEvents["MEMBER_REMOVED"] = data;
        if (userId === this.userId) this.chats.left(chatId);
        break;
      }
      case "MESSAGE_SENT":
      case "MESSAGE_DUPLICATE":
        this.outbox.acknowledged(data);
        break;
      case "REAUTHENTICATED":
        this.plan(Date.parse((data as ServerEvents["REAUTHENTICATED"]).expiresAt));
        break;
      case "ERROR":
        this.outbox.refused(data);
        return this.refused(event, data);
      case "FORCE_DISCONNECT":
        return this.refused(event, data);
      default:
        break;
    }
    this.emit(event, data);
  }

  /** The server closes after this, or says why it didn't take something. */
  private refused(event: "ERROR" | "FORCE_DISCONNECT", data: never): void {
    const { code }: ServerEvents[typeof event] = data;
    this.stale ||= STALE.has(code);
    const isFinal = FINAL.has(code);
    if (isFinal) this.stop();
    this.emit(event, data);
    // Whoever heard it may have connected anew.
    if (isFinal) this.emit("disconnected", { again: !this.stopped });
  }

  private connectedTo(data: ServerEvents["CONNECTED"]): void {
    this.since = performance.now();
    this.userId = data.userId;
    const serverTime = Date.parse(data.serverTime);
    this.ahead = Number.isNaN(serverTime) ? 0 : serverTime - Date.now();
    this.plan(expiry(this.token));
    const { keepAlive = 90_000 } = this.options;
    clearInterval(this.keepAlive);
    if (keepAlive) this.keepAlive = setInterval(() => this.health(), keepAlive);
    this.chats.connected(data.chats);
    for (const [chatId, seq] of this.unsaidReads) this.say("MESSAGE_READ", { chatId, seq });
    this.unsaidReads.clear();
    this.outbox.sendAll();
  }

  /** Whether there was a connection to say it on. */
  private say(event: string, data: unknown): boolean {
    if (this.since === undefined || this.socket === undefined) return false;
    this.socket.send(frame(event, data));
    return true;
  }

  private emit<K extends keyof AllEvents>(event: K, data: AllEvents[K]): void {
    for (const listener of this.listeners.get(event) ?? []) {
      try {
        (listener as Listener<K>)(data);
      } catch (error) {
        // Reported like any other, and no reason for us or for the other listeners to stop halfway.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Not `randomUUID`: browsers have it on secure pages only. */
function newTempId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** When a JWT runs out, in milliseconds; nothing of it is trusted. */
function expiry(token: string): number | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/"))) as { exp?: number };
    return claims.exp === undefined ? undefined : claims.exp * 1_000;
  } catch {
    return undefined;
  }
}
