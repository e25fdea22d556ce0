/** What was written and is not stored yet, per person, kept over a reload. Order is kept, and nothing goes twice. */
import { live } from "~/live/live.svelte";
import { session } from "~/session/session.svelte";

export interface Waiting {
  tempId: string;
  chatId: string;
  content: string;
  at: string;
  failed: string | undefined;
}

const key = () => `nexus-outbox-${session.user?.id ?? ""}`;

class Outbox {
  all = $state.raw<Waiting[]>([]);
  private owner = "";

  /** Goes on with what an earlier visit left. */
  resume(): void {
    const owner = session.user?.id ?? "";
    if (this.owner === owner) return;
    this.owner = owner;
    this.all = [];
    try {
      this.all = JSON.parse(localStorage.getItem(key()) ?? "[]") as Waiting[];
    } catch {
      // Not readable: nothing waits.
    }
    for (const waiting of this.all) if (!waiting.failed) void this.transmit(waiting);
  }

  add(chatId: string, content: string): void {
    const tempId = crypto.getRandomValues(new Uint32Array(4)).join("-");
    const waiting = { tempId, chatId, content, at: new Date().toISOString(), failed: undefined };
    this.keep([...this.all, waiting]);
    void this.transmit(waiting);
  }

  again(tempId: string): void {
    const waiting = this.all.find((one) => one.tempId === tempId);
    if (!waiting) return;
    this.keep(this.all.map((one) => (one === waiting ? { ...one, failed: undefined } : one)));
    void this.transmit(waiting);
  }

  discard(tempId: string): void {
    this.keep(this.all.filter((one) => one.tempId !== tempId));
  }

  private async transmit({ chatId, content, tempId }: Waiting): Promise<void> {
    try {
      await live.send({ chatId, content }, tempId);
      this.discard(tempId);
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      this.keep(this.all.map((one) => (one.tempId === tempId ? { ...one, failed } : one)));
    }
  }

  private keep(all: Waiting[]): void {
    this.all = all;
    localStorage.setItem(key(), JSON.stringify(all));
  }

  /** Nothing of the last person stays. */
  clear(): void {
    for (let index = localStorage.length - 1; index >= 0; index -= 1) {
      const name = localStorage.key(index);
      if (name?.startsWith("nexus-outbox-") || name?.startsWith("nexus-draft-")) localStorage.removeItem(name);
    }
    this.all = [];
    this.owner = "";
  }
}

export const outbox = new Outbox();
session.onCleared(() => outbox.clear());
