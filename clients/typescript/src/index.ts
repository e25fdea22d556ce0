/**
 * A realtime client over the plain WebSocket at `/ws`.
 *
 * It reconnects with growing, jittered pauses, sends every message again under the same `tempId` until it is
 * acknowledged (the server stores it once), and tells on reconnecting up to which `seq` it has each chat, so
 * that what was missed comes before anything new.
 */
import type { AllEvents, MessageType, ServerEvents } from "./events.js";

export * from "./events.js";

export interface Options {
  /** Where the product answers, such as `https://nexus.example.com`. */
  url: string;
  /** Gives a good access token; asked at every connect and before the present one runs out. */
  token: () => Promise<string> | string;
  /** Up to where a chat is known already, from an earlier visit. */
  lastSeq?: Record<string, number>;
  /** The constructor, where there is no global `WebSocket`. */
  WebSocket?: typeof WebSocket;
  /** The first and the longest pause between two tries, in milliseconds. */
  minPause?: number;
  maxPause?: number;
  /**
   * How long a message may stay unanswered, in milliseconds, before the connection is taken for dead: a network that
   * went away tells nobody, and a browser doesn't say when it last heard from the server.
   */
  patience?: number;
  /**
   * How often a `HEALTH_CHECK` is sent by itself, in milliseconds; `false`: never. The server lets go of whoever says
   * nothing for five minutes, and somebody who only reads says nothing.
   */
  keepAlive?: number | false;
}

export interface Outgoing {
  chatId: string;
  content: string;
  messageType?: MessageType;
  attachments?: string[];
}

/** Stored now, or stored before under the same `tempId`. */
export type Acknowledgement = ServerEvents["MESSAGE_SENT"] | ServerEvents["MESSAGE_DUPLICATE"];

type Listener<K extends keyof AllEvents> = (data: AllEvents[K]) => void;

interface Waiting {
  payload: Outgoing & { tempId: string };
  sent: boolean;
  /** Runs while an answer is awaited, or until the next try. */
  timer: ReturnType<typeof setTimeout> | undefined;
  resolve: (sent: Acknowledgement) => void;
  reject: (error: RealtimeError) => void;
}

/** What the server said of a message that it didn't take. */
export class RealtimeError extends Error {
  constructor(readonly code: ServerEvents["ERROR"]["code"] | "CLOSED", message: string) {
    super(message);
  }
}

/** The server will not let us in again by itself: signing in anew, or the person's wish, is needed. */
const FINAL = new Set(["DUPLICATE", "REVOKED"]);
const FINAL_ERRORS = new Set(["UNAUTHORIZED", "PASSWORD_CHANGE_REQUIRED"]);
/** Such a refusal says nothing about the message itself. */
const PASSING = new Set(["RATE_LIMIT_EXCEEDED", "UNAVAILABLE", "MESSAGE_SEND_FAILED"]);

export class Realtime {
  private socket: WebSocket | undefined;
  private connected = false;
  private stopped = true;
  private tries = 0;
  /** Which `open` counts: one that waits for a token may be overtaken. */
  private turn = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reauth: ReturnType<typeof setTimeout> | undefined;
  private keepAlive: ReturnType<typeof setInterval> | undefined;
  /** What the connection was opened with. */
  private token = "";
  /** How far the server's clock is ahead of ours. */
  private ahead = 0;
  private readonly lastSeq: Record<string, number>;
  private readonly waiting = new Map<string, Waiting>();
  private readonly listeners = new Map<string, Set<(data: never) => void>>();

  constructor(private readonly options: Options) {
    this.lastSeq = { ...options.lastSeq };
  }

  /** Up to where each chat is known; keep it for the next visit. */
  get positions(): Readonly<Record<string, number>> {
    return this.lastSeq;
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
      void this.open();
    }
  }

  /** Closes for good; messages that wait are refused with `CLOSED`. */
  close(): void {
    this.stop();
    for (const [tempId, waiting] of this.waiting) {
      this.forget(tempId, waiting);
      waiting.reject(new RealtimeError("CLOSED", "The client was closed."));
    }
  }

  /** Resolves once the message is stored for good, however often the connection drops meanwhile. */
  send(message: Outgoing, tempId: string = crypto.randomUUID()): Promise<Acknowledgement> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { payload: { ...message, tempId }, sent: false, timer: undefined, resolve, reject };
      this.waiting.set(tempId, waiting);
      this.sendWaiting(waiting);
    });
  }

  typing(chatId: string, typing: boolean): void {
    this.say(typing ? "TYPING_START" : "TYPING_STOP", { chatId });
  }

  read(chatId: string, seq: number): void {
    this.say("MESSAGE_READ", { chatId, seq });
  }

  health(): void {
    this.say("HEALTH_CHECK", null);
  }

  private async open(): Promise<void> {
    const turn = ++this.turn;
    let token: string | undefined;
    try {
      token = await this.options.token();
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
    socket.onopen = () => {
      const data = { token, lastSeq: this.lastSeq };
      socket.send(JSON.stringify({ event: "AUTH", data }));
    };
    socket.onmessage = (frame: MessageEvent) => {
      if (this.socket === socket) this.hear(String(frame.data));
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  private lost(): void {
    this.disconnect();
    this.emit("disconnected", { again: !this.stopped });
    this.again();
  }

  private disconnect(): void {
    this.connected = false;
    clearTimeout(this.reauth);
    clearInterval(this.keepAlive);
    for (const waiting of this.waiting.values()) {
      waiting.sent = false;
      clearTimeout(waiting.timer);
    }
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

  /** A fresh token before the present one runs out, a minute ahead where there is one. */
  private plan(token: string): void {
    const expires = expiry(token);
    if (expires === undefined) return;
    const socket = this.socket;
    const left = expires - (Date.now() + this.ahead);
    const wait = Math.max(1_000, left - Math.min(60_000, left / 2));
    clearTimeout(this.reauth);
    this.reauth = setTimeout(async () => {
      try {
        const fresh = await this.options.token();
        // Closed or reconnected meanwhile: whoever came after has a token and a timer of its own.
        if (socket === undefined || this.socket !== socket) return;
        this.say("REAUTH", { token: fresh });
        this.plan(fresh);
      } catch {
        // The connection ends with its token then, and the next try asks again.
      }
    }, wait);
  }

  private hear(text: string): void {
    const { event, data } = JSON.parse(text) as { event: keyof ServerEvents; data: never };
    switch (event) {
      case "CONNECTED":
        this.tries = 0;
        this.connected = true;
        this.connectedTo(data);
        break;
      case "NEW_MESSAGE":
        if (!this.advance(data)) return;
        break;
      case "CHAT_CREATED":
        // Made just now, or one that we were added to: from here on it is ours to miss. `MEMBER_ADDED` comes with it and
        // says no `seq`. Where a message was quicker, that one counts.
        this.joined(data);
        break;
      case "MESSAGE_SENT":
      case "MESSAGE_DUPLICATE":
        this.acknowledged(data);
        break;
      case "ERROR":
        this.refused(data);
        break;
      case "FORCE_DISCONNECT":
        if (FINAL.has((data as ServerEvents["FORCE_DISCONNECT"]).code)) {
          this.emit(event, data);
          this.stop();
          this.emit("disconnected", { again: false });
          return;
        }
        break;
      default:
        break;
    }
    this.emit(event, data);
  }

  private connectedTo(data: ServerEvents["CONNECTED"]): void {
    const serverTime = Date.parse(data.serverTime);
    this.ahead = Number.isNaN(serverTime) ? 0 : serverTime - Date.now();
    this.plan(this.token);
    const { keepAlive = 90_000 } = this.options;
    clearInterval(this.keepAlive);
    if (keepAlive) this.keepAlive = setInterval(() => this.health(), keepAlive);
    for (const { chatId, lastSeq } of data.chats) {
      // Known from now on; of the others the server replays what lies between. After a restore it may have less than
      // we saw, and what is said anew is new to us.
      this.lastSeq[chatId] = Math.min(this.lastSeq[chatId] ?? lastSeq, lastSeq);
    }
    for (const waiting of this.waiting.values()) this.sendWaiting(waiting);
  }

  private joined(chat: ServerEvents["CHAT_CREATED"]): void {
    this.lastSeq[chat.id] ??= chat.lastSeq;
  }

  /** Whether the message is new to us. */
  private advance(message: ServerEvents["NEW_MESSAGE"]): boolean {
    if (message.seq <= (this.lastSeq[message.chatId] ?? 0)) return false;
    this.lastSeq[message.chatId] = message.seq;
    return true;
  }

  private acknowledged(data: Acknowledgement): void {
    const waiting = data.tempId === null ? undefined : this.waiting.get(data.tempId);
    if (waiting && data.tempId !== null) {
      this.forget(data.tempId, waiting);
      waiting.resolve(data);
    }
  }

  private refused(error: ServerEvents["ERROR"]): void {
    if (FINAL_ERRORS.has(error.code)) this.stopped = true;
    const waiting = error.tempId === undefined ? undefined : this.waiting.get(error.tempId);
    if (!waiting || error.tempId === undefined) return;
    clearTimeout(waiting.timer);
    if (PASSING.has(error.code)) {
      waiting.timer = setTimeout(() => {
        waiting.sent = false;
        this.sendWaiting(waiting);
      }, error.retryAfterMs ?? 1_000);
    } else {
      this.forget(error.tempId, waiting);
      waiting.reject(new RealtimeError(error.code, error.message));
    }
  }

  private sendWaiting(waiting: Waiting): void {
    if (this.connected && !waiting.sent && this.waiting.has(waiting.payload.tempId)) {
      waiting.sent = true;
      clearTimeout(waiting.timer);
      waiting.timer = setTimeout(() => this.lost(), this.options.patience ?? 15_000);
      this.say("NEW_MESSAGE", waiting.payload);
    }
  }

  private forget(tempId: string, waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.waiting.delete(tempId);
  }

  private say(event: string, data: unknown): void {
    if (this.connected) this.socket?.send(JSON.stringify({ event, data }));
  }

  private emit<K extends keyof AllEvents>(event: K, data: AllEvents[K]): void {
    for (const listener of this.listeners.get(event) ?? []) (listener as Listener<K>)(data);
  }
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
