/** What each event changes in what is cached: all of it stands here. */
import type { AllEvents } from "@nexus/realtime";
import type { InfiniteData } from "@tanstack/svelte-query";
import type { Schemas } from "~/api/client";
import { queries } from "~/query";
import { session } from "~/session/session.svelte";
import { live } from "./live.svelte";

type Chat = Schemas["Chat"];
type Pages = InfiniteData<Schemas["Page_Chat"], string | undefined>;

/** Changes one chat in every list that has it; tells whether one had it. */
export function patchChat(id: string, change: (chat: Chat) => Chat, toFront = false): boolean {
  let found = false;
  queries.setQueriesData<Pages>({ queryKey: ["chats", "list"] }, (data) => {
    if (!data) return data;
    const chat = data.pages.flatMap(({ items }) => items).find((one) => one.id === id);
    if (!chat) return data;
    found = true;
    const changed = change(chat);
    const pages = data.pages.map((page, index) => {
      const items = toFront ? page.items.filter((one) => one.id !== id) : page.items.map((one) => (one.id === id ? changed : one));
      return { ...page, items: toFront && index === 0 ? [changed, ...items] : items };
    });
    return { ...data, pages };
  });
  queries.setQueryData<Chat>(["chats", "one", id], (chat) => chat && change(chat));
  return found;
}

const reload = (...queryKey: string[]) => void queries.invalidateQueries({ queryKey });

/** Gives what ends it. */
export function followChanges(): () => void {
  const heard = (message: AllEvents["NEW_MESSAGE"]) => {
    const isMine = message.senderId === session.user?.id;
    const known = patchChat(
      message.chatId,
      (chat) =>
        message.seq <= chat.lastSeq
          ? chat
          : { ...chat, lastSeq: message.seq, lastMessage: message, unreadCount: isMine ? 0 : chat.unreadCount + 1 },
      true,
    );
    if (!known) reload("chats", "list");
  };
  const stops = [
    live.on("CONNECTED", () => {
      // Whatever was missed without a socket.
      reload("chats");
      reload("notifications");
    }),
    live.on("NEW_MESSAGE", heard),
    live.on("MESSAGE_UPDATED", (message) =>
      patchChat(message.chatId, (chat) => (chat.lastMessage?.id === message.id ? { ...chat, lastMessage: message } : chat)),
    ),
    live.on("MESSAGE_DELETED", (message) =>
      patchChat(message.chatId, (chat) => (chat.lastMessage?.id === message.id ? { ...chat, lastMessage: message } : chat)),
    ),
    live.on("MESSAGE_READ", ({ chatId, userId, seq }) =>
      patchChat(chatId, (chat) => ({
        ...chat,
        unreadCount: userId === session.user?.id ? Math.max(0, chat.lastSeq - seq) : chat.unreadCount,
        members: chat.members.map((one) => (one.userId === userId ? { ...one, lastReadSeq: Math.max(seq, one.lastReadSeq) } : one)),
      })),
    ),
    live.on("CHAT_CREATED", () => reload("chats")),
    live.on("CHAT_UPDATED", () => reload("chats")),
    live.on("MEMBER_ADDED", () => reload("chats")),
    live.on("MEMBER_REMOVED", () => reload("chats")),
    live.on("NOTIFICATION", ({ kind }) => {
      reload("notifications");
      if (kind.startsWith("INVOICE") || kind.startsWith("PAYMENT")) {
        reload("invoices");
        reload("payments");
      }
      if (kind === "MAINTENANCE_UPDATE") reload("maintenance-requests");
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
