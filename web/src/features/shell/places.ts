/** Where one can go, by role. Order is the order of the rail; the first four that fit are a phone's tabs. */
import Building2 from "@lucide/svelte/icons/building-2";
import CreditCard from "@lucide/svelte/icons/credit-card";
import DoorOpen from "@lucide/svelte/icons/door-open";
import FileText from "@lucide/svelte/icons/file-text";
import House from "@lucide/svelte/icons/house";
import Mail from "@lucide/svelte/icons/mail";
import MessagesSquare from "@lucide/svelte/icons/messages-square";
import KeyRound from "@lucide/svelte/icons/key-round";
import ScrollText from "@lucide/svelte/icons/scroll-text";
import Settings from "@lucide/svelte/icons/settings";
import ShieldCheck from "@lucide/svelte/icons/shield-check";
import UserCog from "@lucide/svelte/icons/user-cog";
import Users from "@lucide/svelte/icons/users";
import Wrench from "@lucide/svelte/icons/wrench";
import type { Component } from "svelte";
import { t } from "~/i18n/index.svelte";
import { hasCompany, isAdmin, isStaff } from "~/session/can";
import type { User } from "~/session/session.svelte";

export interface Place {
  path: string;
  label: string;
  icon: Component;
  group?: string;
}

export function places(user: User | null): Place[] {
  const staff = isStaff(user) && hasCompany(user);
  const group = t.shell.property;
  const all: (Place | false)[] = [
    { path: "/", label: t.shell.home, icon: House },
    isAdmin(user) && { path: "/verifications", label: t.shell.verifications, icon: ShieldCheck },
    { path: "/chats", label: t.shell.chats, icon: MessagesSquare },
    hasCompany(user) && { path: "/invoices", label: t.shell.invoices, icon: FileText, group },
    hasCompany(user) && { path: "/maintenance-requests", label: t.shell.maintenance, icon: Wrench, group },
    hasCompany(user) && { path: "/payments", label: t.shell.payments, icon: CreditCard, group },
    hasCompany(user) && { path: "/occupancies", label: t.shell.occupancies, icon: KeyRound, group },
    staff && { path: "/tenants", label: t.shell.tenants, icon: Users, group },
    staff && { path: "/apartments", label: t.shell.apartments, icon: DoorOpen, group },
    staff && { path: "/compounds", label: t.shell.compounds, icon: Building2, group },
    isAdmin(user) && { path: "/users", label: t.shell.users, icon: UserCog, group: t.shell.administration },
    isAdmin(user) && { path: "/audit", label: t.shell.audit, icon: ScrollText, group: t.shell.administration },
    isAdmin(user) && { path: "/mail", label: t.shell.mail, icon: Mail, group: t.shell.administration },
    { path: "/settings", label: t.shell.settings, icon: Settings, group: t.shell.account },
  ];
  return all.filter((place): place is Place => place !== false);
}
