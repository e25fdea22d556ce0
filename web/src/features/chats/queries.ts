import { createInfiniteQuery, createQuery } from "@tanstack/svelte-query";
import { api, must, type Schemas } from "~/api/client";
import { live } from "~/live/live.svelte";
import { queries } from "~/query";
import { session } from "~/session/session.svelte";

export type Chat = Schemas["Chat"];
export type Message = Schemas["Message"];

export const useChats = (q: () => string) =>
  createInfiniteQuery(() => ({
    queryKey: ["chats", "list", q()],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam }) => {
      const page = await must(
        api.GET("/api/v1/chats", { params: { query: { sort: "-lastActivity", limit: 50, ...(q() && { q: q() }), ...(pageParam && { cursor: pageParam }) } } }),
      );
      void learnPresence(page.items);
      return page;
    },
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  }));

export const useChat = (id: () => string) =>
  createQuery(() => ({
    queryKey: ["chats", "one", id()],
    enabled: id() !== "",
    queryFn: () => must(api.GET("/api/v1/chats/{id}", { params: { path: { id: id() } } })),
  }));

export const usePeople = (q: () => string, enabled: () => boolean) =>
  createQuery(() => ({
    queryKey: ["people", q()],
    enabled: enabled(),
    queryFn: () => must(api.GET("/api/v1/people", { params: { query: { limit: 30, ...(q() && { q: q() }) } } })),
  }));

/** Who of them is there; from then on the socket tells. */
async function learnPresence(chats: Chat[]): Promise<void> {
  const others = chats
    .filter(({ type }) => type === "DIRECT")
    .flatMap(({ members }) => members.map(({ userId }) => userId))
    .filter((id) => id !== session.user?.id);
  if (others.length === 0) return;
  const answer = await must(api.GET("/api/v1/presence", { params: { query: { userIds: [...new Set(others)].slice(0, 100) } } })).catch(() => undefined);
  for (const { userId, online } of answer?.items ?? []) {
    if (online) live.online.add(userId);
    else live.online.delete(userId);
  }
}

export const loadMessages = (id: string, query: { after?: number; before?: number; limit: number }) =>
  must(api.GET("/api/v1/chats/{id}/messages", { params: { path: { id }, query } }));

export async function startDirect(userId: string): Promise<string> {
  const chat = await must(api.POST("/api/v1/chats", { body: { type: "DIRECT", memberIds: [userId] } }));
  await queries.invalidateQueries({ queryKey: ["chats"] });
  return chat.id;
}
