/**
 * One socket per browser: the tab that holds the lock owns it, the others hear through a channel. Whichever tab asks,
 * a message has one `tempId`, so that it is stored once whoever sends it.
 */
import { Realtime, RealtimeError, type AllEvents, type Outgoing } from "@nexus/realtime";
import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { session } from "~/session/session.svelte";

export type State = "off" | "connecting" | "on" | "elsewhere";
type EventName = keyof AllEvents;
type Listener<K extends EventName> = (data: AllEvents[K]) => void;

type Word =
  | { kind: "event"; event: EventName; data: unknown }
  | { kind: "state"; state: State }
  | { kind: "leader" }
  | { kind: "hello" }
  | { kind: "use-here" }
  | { kind: "send"; message: Outgoing; tempId: string }
  | { kind: "refused"; tempId: string; code: string }
  | { kind: "typing"; chatId: string; typing: boolean }
  | { kind: "read"; chatId: string; seq: number };

interface Pending {
  message: Outgoing;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** Everything that is said and shown. A type error here means that the contract has an event we do not relay. */
const EVENTS = [
  "CONNECTED", "NEW_MESSAGE", "MESSAGE_SENT", "MESSAGE_DUPLICATE", "MESSAGE_UPDATED", "MESSAGE_DELETED", "HISTORY_GAP",
  "USER_TYPING", "USER_STOPPED_TYPING", "USER_ONLINE", "USER_OFFLINE", "CHAT_CREATED", "CHAT_UPDATED", "MEMBER_ADDED",
  "MEMBER_REMOVED", "MESSAGE_READ", "NOTIFICATION", "FORCE_DISCONNECT",
] as const satisfies readonly EventName[];

class Live {
  state = $state<State>("off");
  readonly online = new SvelteSet<string>();
  /** Who types, by chat. */
  readonly typing = new SvelteMap<string, string>();
  private channel: BroadcastChannel | undefined;
  private socket: Realtime | undefined;
  private release: (() => void) | undefined;
  private readonly pending = new Map<string, Pending>();
  private readonly listeners = new Map<EventName, Set<(data: never) => void>>();

  on<K extends EventName>(event: K, listener: Listener<K>): () => void {
    const all = this.listeners.get(event) ?? new Set();
    all.add(listener as (data: never) => void);
    this.listeners.set(event, all);
    return () => all.delete(listener as (data: never) => void);
  }

  /** Begins to listen; gives what ends it. */
  start(): () => void {
    const stop = new AbortController();
    this.state = "connecting";
    this.channel = new BroadcastChannel("nexus-live");
    this.channel.onmessage = ({ data }: MessageEvent<Word>) => this.hear(data);
    this.say({ kind: "hello" });
    navigator.locks
      .request("nexus-live", { signal: stop.signal }, () => new Promise<void>((release) => {
        this.release = release;
        this.lead();
      }))
      .catch(() => {
        // Stopped while another tab had the lock.
      });
    return () => {
      stop.abort();
      this.socket?.close();
      this.socket = undefined;
      this.release?.();
      this.release = undefined;
      this.channel?.close();
      this.channel = undefined;
      this.state = "off";
      this.online.clear();
      this.typing.clear();
      this.pending.clear();
    };
  }

  /** Resolves when the message is stored. */
  send(message: Outgoing, tempId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.set(tempId, { message, resolve, reject });
      this.dispatch({ kind: "send", message, tempId });
    });
  }

  setTyping(chatId: string, typing: boolean): void {
    this.dispatch({ kind: "typing", chatId, typing });
  }

  read(chatId: string, seq: number): void {
    this.dispatch({ kind: "read", chatId, seq });
  }

  /** Takes the live connection back from another device. */
  useHere(): void {
    this.dispatch({ kind: "use-here" });
  }

  private lead(): void {
    const socket = new Realtime({ url: location.origin, token: (fresh) => session.accessToken(fresh) });
    this.socket = socket;
    for (const event of EVENTS) {
      socket.on(event, (data) => {
        this.say({ kind: "event", event, data });
        this.emit(event, data);
      });
    }
    socket.on("CONNECTED", () => this.became("on"));
    socket.on("FORCE_DISCONNECT", ({ code }) => code === "DUPLICATE" && this.became("elsewhere"));
    socket.on("disconnected", ({ again }) => again && this.became("connecting"));
    socket.connect();
    this.say({ kind: "leader" });
    for (const [tempId, { message }] of this.pending) this.obey({ kind: "send", message, tempId });
  }

  private became(state: State): void {
    this.state = state;
    this.say({ kind: "state", state });
  }

  private dispatch(word: Word): void {
    if (this.socket) this.obey(word);
    else this.say(word);
  }

  private obey(word: Word): void {
    const socket = this.socket;
    if (!socket) return;
    switch (word.kind) {
      case "send":
        socket.send(word.message, word.tempId).catch((error: unknown) => {
          const code = error instanceof RealtimeError ? error.code : "MESSAGE_SEND_FAILED";
          if (code === "CLOSED") return;
          this.say({ kind: "refused", tempId: word.tempId, code });
          this.refused(word.tempId, code);
        });
        break;
      case "typing":
        socket.typing(word.chatId, word.typing);
        break;
      case "read":
        socket.read(word.chatId, word.seq);
        break;
      case "use-here":
        this.became("connecting");
        socket.connect();
        break;
      case "hello":
        this.say({ kind: "state", state: this.state });
        break;
      default:
        break;
    }
  }

  private hear(word: Word): void {
    if (this.socket) return this.obey(word);
    if (word.kind === "event") this.emit(word.event, word.data as never);
    else if (word.kind === "state") this.state = word.state;
    else if (word.kind === "refused") this.refused(word.tempId, word.code);
    else if (word.kind === "leader") {
      // The tab that was asked before may be gone.
      for (const [tempId, { message }] of this.pending) this.say({ kind: "send", message, tempId });
    }
  }

  private refused(tempId: string, code: string): void {
    this.pending.get(tempId)?.reject(new Error(code));
    this.pending.delete(tempId);
  }

  private say(word: Word): void {
    this.channel?.postMessage(word);
  }

  private emit<K extends EventName>(event: K, data: AllEvents[K]): void {
    this.keep(event, data as never);
    for (const listener of this.listeners.get(event) ?? []) (listener as Listener<K>)(data);
  }

  private keep(event: EventName, data: never): void {
    if (event === "MESSAGE_SENT" || event === "MESSAGE_DUPLICATE") {
      const { tempId } = data as AllEvents["MESSAGE_SENT"];
      if (tempId) {
        this.pending.get(tempId)?.resolve();
        this.pending.delete(tempId);
      }
    } else if (event === "USER_ONLINE") this.online.add((data as AllEvents["USER_ONLINE"]).userId);
    else if (event === "USER_OFFLINE") this.online.delete((data as AllEvents["USER_OFFLINE"]).userId);
    else if (event === "USER_TYPING") {
      const { chatId, userId } = data as AllEvents["USER_TYPING"];
      this.typing.set(chatId, userId);
    } else if (event === "USER_STOPPED_TYPING") this.typing.delete((data as AllEvents["USER_STOPPED_TYPING"]).chatId);
    else if (event === "NEW_MESSAGE") this.typing.delete((data as AllEvents["NEW_MESSAGE"]).chatId);
  }
}

export const live = new Live();
