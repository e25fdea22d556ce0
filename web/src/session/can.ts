/** What a role may do. The server decides; this only keeps what it would refuse off the screen. */
import type { User } from "./session.svelte";

const RANK = { STUDENT: 0, TENANT: 0, MANAGER: 1, ADMIN: 2, SUPER_ADMIN: 3 } as const;

export const isStaff = (user: User | null): boolean => user !== null && RANK[user.role] >= 1;
export const isAdmin = (user: User | null): boolean => user !== null && RANK[user.role] >= 2;
export const isOwner = (user: User | null): boolean => user?.role === "SUPER_ADMIN";
/** The property screens need a company; its owner sees none of a single one. */
export const hasCompany = (user: User | null): boolean => user !== null && user.companyId !== null;
