/** Messages on their way: each is sent again under its `tempId` until it is acknowledged or refused for good. */
import type { ErrorCode, MessageType, ServerEvents } from "./events.js";

export interface Outgoing {
  chatId: string;
  content: string;
  messageType?: Exclude<MessageType, "SYSTEM">;
  attachments?: string[];
}

/** Stored now, or stored before under the same `tempId`. */
export type Acknowledgement = ServerEvents["MESSAGE_SENT"] | ServerEvents["MESSAGE_DUPLICATE"];

/** What the server said of a message that it didn't take. */
export class RealtimeError extends Error {
  constructor(readonly code: ErrorCode | "CLOSED", message: string) {
    super(message);
  }
}

interface Waiting {
  payload: Outgoing & { tempId: string };
  sent: boolean;
  /** Runs while an answer is awaited. */
  timer: ReturnType<typeof setTimeout> | undefined;
  answered: Promise<Acknowledgement>;
  resolve: (sent: Acknowledgement) => void;
  reject: (error: RealtimeError) => void;
}

/** Such a refusal says nothing about the message itself. */
const PASSING = new Set<string>(["RATE_LIMIT_EXCEEDED", "UNAVAILABLE", "MESSAGE_SEND_FAILED"]);
/** The server ends a connection that sends more at once: sent again and again, it would never be let go. */
const MOST_FRAME = 64 * 1024;

export function frame(event: string, data: unknown): string {
  return JSON.stringify({ event, data });
}

export class Outbox {
  private readonly waiting = new Map<string, Waiting>();
  /** Runs while the server wants to be left alone. */
  private pause: ReturnType<typeof setTimeout> | undefined;

  /** `say` tells whether there was a connection to say it on; `unanswered` is called after `patience` milliseconds. */
  constructor(
    private readonly say: (event: "NEW_MESSAGE", data: unknown) => boolean,
    private readonly unanswered: () => void,
    private readonly patience: number,
  ) {}

  add(message: Outgoing, tempId: string): Promise<Acknowledgement> {
    const before = this.waiting.get(tempId);
    if (before) return before.answered;
    const payload = { ...message, tempId };
    if (new TextEncoder().encode(frame("NEW_MESSAGE", payload)).length > MOST_FRAME) {
      return Promise.reject(new RealtimeError("INVALID_PAYLOAD", "A message may have at most 64 KiB."));
    }
    let settle!: Pick<Waiting, "resolve" | "reject">;
    const answered = new Promise<Acknowledgement>((resolve, reject) => (settle = { resolve, reject }));
    const waiting: Waiting = { payload, sent: false, timer: undefined, answered, ...settle };
    this.waiting.set(tempId, waiting);
    this.send(waiting);
    return answered;
  }

  /** There is a connection now. */
  sendAll(): void {
    for (const waiting of this.waiting.values()) this.send(waiting);
  }

  /** The connection is gone, and the answers with it. */
  disconnected(): void {
    for (const waiting of this.waiting.values()) {
      waiting.sent = false;
      clearTimeout(waiting.timer);
    }
  }

  closed(): void {
    clearTimeout(this.pause);
    this.pause = undefined;
    for (const { payload } of this.waiting.values()) {
      this.take(payload.tempId)?.reject(new RealtimeError("CLOSED", "The client was closed."));
    }
  }

  acknowledged(data: Acknowledgement): void {
    this.take(data.tempId)?.resolve(data);
  }

  refused(error: ServerEvents["ERROR"]): void {
    const waiting = this.waiting.get(error.tempId ?? "");
    if (!waiting) return;
    if (!PASSING.has(error.code)) {
      this.take(error.tempId)?.reject(new RealtimeError(error.code, error.message));
      return;
    }
    clearTimeout(waiting.timer);
    waiting.sent = false;
    // Those behind it wait too, so that they stay in order.
    this.pause ??= setTimeout(() => {
      this.pause = undefined;
      this.sendAll();
    }, error.retryAfterMs ?? 1_000);
  }

  private send(waiting: Waiting): void {
    if (waiting.sent || this.pause !== undefined) return;
    waiting.sent = this.say("NEW_MESSAGE", waiting.payload);
    if (!waiting.sent) return;
    clearTimeout(waiting.timer);
    waiting.timer = setTimeout(this.unanswered, this.patience);
  }

  private take(tempId: string | null | undefined): Waiting | undefined {
    const waiting = this.waiting.get(tempId ?? "");
    if (waiting) {
      clearTimeout(waiting.timer);
      this.waiting.delete(waiting.payload.tempId);
    }
    return waiting;
  }
}
