/** What a screen of lists, details and forms needs to know of a resource. The API's own names throughout. */
import type { Messages } from "~/i18n/en";
import type { Tone } from "../Tag.svelte";

/** Any row: which fields it has is said by the columns and fields of its resource. */
export type Row = Record<string, unknown> & { id: string; version?: number };
export type Name = keyof Messages["property"]["fields"];
export type Kind = "text" | "code" | "number" | "money" | "date" | "time" | "status" | "tenant" | "apartment" | "compound" | "occupancy";

export interface Column {
  field: Name;
  kind: Kind;
  /** Whether the server orders by it. */
  sort?: boolean;
  /** On a phone: the card's title, its second line, or not at all. */
  phone?: "title" | "line" | "end";
}

export interface FormField {
  field: Name;
  kind: "text" | "email" | "tel" | "number" | "money" | "date" | "textarea" | "choice" | "tenant" | "apartment" | "compound" | "occupancy";
  required?: boolean;
  choices?: string[];
  /** Part of an object: `address.line1`. */
  within?: string;
  /** What can't be changed later. */
  onlyNew?: boolean;
}

export interface Resource {
  path: "compounds" | "apartments" | "tenants" | "occupancies" | "invoices" | "payments" | "maintenance-requests";
  words: "compounds" | "apartments" | "tenants" | "occupancies" | "invoices" | "payments" | "maintenance";
  columns: Column[];
  sort: string;
  /** Values of `status` (or of another field) that one can look for. */
  filter?: { field: Name; values: string[] };
  search: boolean;
  fields: FormField[];
  /** What an item is called in headings. */
  title: (row: Row, names: (kind: Kind, id: string) => string) => string;
  canCreate: "staff" | "everybody" | "nobody";
  canEdit: boolean;
  canRemove: boolean;
}

export const TONES: Record<string, Tone> = {
  VACANT: "accent", OCCUPIED: "good", MAINTENANCE: "warn", INACTIVE: "neutral",
  UPCOMING: "accent", ACTIVE: "good", ENDED: "neutral", CANCELLED: "neutral",
  DRAFT: "neutral", ISSUED: "accent", PARTIALLY_PAID: "warn", PAID: "good", OVERDUE: "bad", VOID: "neutral",
  OPEN: "warn", IN_PROGRESS: "accent", RESOLVED: "good", CLOSED: "neutral",
  LOW: "neutral", NORMAL: "neutral", HIGH: "warn", URGENT: "bad",
};

/** The value of `line1` within `address`, say. */
export function read(row: Row, field: string, within?: string): unknown {
  const from = within ? (row[within] as Record<string, unknown> | null | undefined) : row;
  return from?.[field];
}
