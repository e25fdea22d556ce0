/** The messages of one chat, in `seq` order without a hole. */
import { live } from "~/live/live.svelte";
import { loadMessages, type Message } from "./queries";

const PAGE = 50;

export class History {
  messages = $state.raw<Message[]>([]);
  loading = $state(true);
  error = $state.raw<unknown>();
  isAtStart = $state(false);
  private filling = false;

  constructor(readonly chatId: string) {
    void this.load();
  }

  get last(): number {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Follows what happens in the chat; gives what ends that. */
  follow(): () => void {
    const replace = (message: Message) => message.chatId === this.chatId && this.merge([message], true);
    const stops = [
      live.on("NEW_MESSAGE", (message) => {
        if (message.chatId !== this.chatId || this.loading) return;
        if (message.seq > this.last + 1) void this.fill();
        else this.merge([message as Message]);
      }),
      live.on("MESSAGE_UPDATED", (message) => replace(message as Message)),
      live.on("MESSAGE_DELETED", (message) => replace(message as Message)),
      live.on("HISTORY_GAP", ({ chatId }) => chatId === this.chatId && void this.fill()),
      live.on("CONNECTED", () => !this.loading && void this.fill()),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async load(): Promise<void> {
    this.loading = true;
    this.error = undefined;
    try {
      const { items } = await loadMessages(this.chatId, { limit: PAGE, before: Number.MAX_SAFE_INTEGER });
      this.merge(items);
      this.isAtStart = items.length < PAGE;
    } catch (error) {
      this.error = error;
    } finally {
      this.loading = false;
    }
  }

  async loadOlder(): Promise<void> {
    const first = this.messages[0]?.seq;
    if (this.loading || this.isAtStart || first === undefined) return;
    this.loading = true;
    try {
      const { items } = await loadMessages(this.chatId, { limit: PAGE, before: first });
      this.isAtStart = items.length < PAGE;
      this.merge(items);
    } finally {
      this.loading = false;
    }
  }

  /** Fetches what came after the last one that we have. */
  private async fill(): Promise<void> {
    if (this.filling) return;
    this.filling = true;
    try {
      for (;;) {
        const { items } = await loadMessages(this.chatId, { after: this.last, limit: 100 });
        this.merge(items);
        if (items.length < 100) return;
      }
    } catch {
      // The next event or connection tries again.
    } finally {
      this.filling = false;
    }
  }

  private merge(items: Message[], onlyKnown = false): void {
    const bySeq = new Map(this.messages.map((message) => [message.seq, message]));
    for (const message of items) if (!onlyKnown || bySeq.has(message.seq)) bySeq.set(message.seq, message);
    this.messages = [...bySeq.values()].sort((a, b) => a.seq - b.seq);
  }
}
