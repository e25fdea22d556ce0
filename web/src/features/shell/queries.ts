import { createQuery } from "@tanstack/svelte-query";
import { api, must } from "~/api/client";
import { session } from "~/session/session.svelte";

export const useNotifications = () =>
  createQuery(() => ({
    queryKey: ["notifications"],
    queryFn: () => must(api.GET("/api/v1/notifications", { params: { query: { limit: 30 } } })),
  }));

/** Chats with something unread: what badge and title count. */
export const useUnread = () =>
  createQuery(() => ({
    queryKey: ["chats", "unread"],
    queryFn: () => must(api.GET("/api/v1/chats", { params: { query: { unread: true, limit: 100 } } })),
    select: ({ items }) => items.reduce((sum, { unreadCount }) => sum + unreadCount, 0),
  }));

/** The company's currency and zone; residents may not read it. */
export const useCompany = () =>
  createQuery(() => ({
    queryKey: ["companies", session.user?.companyId],
    enabled: session.user !== null && session.user.companyId !== null && !["STUDENT", "TENANT"].includes(session.user.role),
    staleTime: Infinity,
    queryFn: () => must(api.GET("/api/v1/companies/{id}", { params: { path: { id: session.user?.companyId ?? "" } } })),
  }));
