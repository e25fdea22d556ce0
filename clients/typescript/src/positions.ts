/** Up to where each chat is known: what is told to the server on reconnecting, and what is shown once. */
import type { ServerEvents } from "./events.js";

export class Positions {
  readonly known: Record<string, number>;
  /** Learnt of on this connection, without a message yet. */
  private readonly fresh = new Set<string>();

  constructor(known: Record<string, number> = {}) {
    this.known = { ...known };
  }

  /** The server named all our chats. */
  connected(chats: ServerEvents["CONNECTED"]["chats"]): void {
    const theirs = new Map(chats.map(({ chatId, lastSeq }) => [chatId, lastSeq]));
    for (const chatId of Object.keys(this.known)) {
      // Left meanwhile. Whoever is taken in again begins where the chat is then.
      if (!theirs.has(chatId)) delete this.known[chatId];
    }
    for (const [chatId, lastSeq] of theirs) {
      // Known from now on; of the others the server replays what lies between. After a restore it may have less than
      // we saw, and what is said anew is new to us.
      this.known[chatId] = Math.min(this.known[chatId] ?? lastSeq, lastSeq);
    }
    this.fresh.clear();
  }

  /**
   * Made just now, or one that we were added to: from here on it is ours to miss. `MEMBER_ADDED` comes with it and says
   * no `seq`. Where a message was quicker, that one counts.
   */
  created(chat: ServerEvents["CHAT_CREATED"]): void {
    if (this.known[chat.id] !== undefined) return;
    this.known[chat.id] = chat.lastSeq;
    this.fresh.add(chat.id);
  }

  left(chatId: string): void {
    delete this.known[chatId];
    this.fresh.delete(chatId);
  }

  /** From here on it is for whoever listens to fetch it. */
  gap({ chatId, toSeq }: ServerEvents["HISTORY_GAP"]): void {
    this.known[chatId] = Math.max(this.known[chatId] ?? 0, toSeq);
  }

  /** Whether the message is new to us. */
  advance({ chatId, seq }: ServerEvents["NEW_MESSAGE"]): boolean {
    // Word of a chat may come late, and what was said in it until then comes after it.
    const isFirst = this.fresh.delete(chatId);
    if (!isFirst && seq <= (this.known[chatId] ?? 0)) return false;
    this.known[chatId] = seq;
    return true;
  }
}
