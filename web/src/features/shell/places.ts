/** Where one can go, by role. Order is the order of the rail; the first four that fit are a phone's tabs. */
import House from "@lucide/svelte/icons/house";
import MessagesSquare from "@lucide/svelte/icons/messages-square";
import ShieldCheck from "@lucide/svelte/icons/shield-check";
import type { Component } from "svelte";
import { t } from "~/i18n/index.svelte";
import { isAdmin } from "~/session/can";
import type { User } from "~/session/session.svelte";

export interface Place {
  path: string;
  label: string;
  icon: Component;
  group?: string;
}

export function places(user: User | null): Place[] {
  const all: (Place | false)[] = [
    { path: "/", label: t.shell.home, icon: House },
    isAdmin(user) && { path: "/verifications", label: t.shell.verifications, icon: ShieldCheck },
    { path: "/chats", label: t.shell.chats, icon: MessagesSquare },
  ];
  return all.filter((place): place is Place => place !== false);
}
