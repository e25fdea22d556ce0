/** The calls that all property resources have alike. */
import { createInfiniteQuery, createQuery } from "@tanstack/svelte-query";
import { api, idempotencyKey, must } from "~/api/client";
import { queries } from "~/query";
import { session } from "~/session/session.svelte";
import { isStaff } from "~/session/can";
import type { Kind, Resource, Row } from "./resource";

type Path = Resource["path"];
interface Page {
  items: Row[];
  nextCursor: string | null;
  total?: number;
}

/** Their paths and bodies are alike, which the document's types can't say: one of them stands for all. */
const all = (path: Path) => `/api/v1/${path}` as "/api/v1/tenants";
const single = (path: Path) => `/api/v1/${path}/{id}` as "/api/v1/tenants/{id}";

export interface Search {
  q: string;
  sort: string;
  filters: Record<string, string>;
}

export const useList = (path: Path, search: () => Search) =>
  createInfiniteQuery(() => {
    const { q, sort, filters } = search();
    return {
      queryKey: [path, "list", q, sort, filters],
      initialPageParam: undefined as string | undefined,
      placeholderData: (before) => before,
      queryFn: async ({ pageParam }) => {
        const query = { limit: 50, sort, ...(q && { q }), ...filters, ...(pageParam ? { cursor: pageParam } : { withTotal: true }) };
        return (await must(api.GET(all(path), { params: { query: query as never } }))) as unknown as Page;
      },
      getNextPageParam: (page: Page) => page.nextCursor ?? undefined,
    };
  });

export const useOne = (path: Path, id: () => string) =>
  createQuery(() => ({
    queryKey: [path, "one", id()],
    queryFn: async () => (await must(api.GET(single(path), { params: { path: { id: id() } } }))) as unknown as Row,
  }));

export async function create(path: Path, body: object, key: string): Promise<Row> {
  const row = await must(api.POST(all(path), { params: { header: { "Idempotency-Key": key } as never }, body: body as never }));
  await changed(path);
  return row as unknown as Row;
}

export async function change(path: Path, row: Row, body: object): Promise<void> {
  const header = { "If-Match": `"${row.version}"` };
  await must(api.PATCH(single(path), { params: { path: { id: row.id }, header: header as never }, body: body as never }));
  await changed(path);
}

export async function remove(path: Path, id: string): Promise<void> {
  await must(api.DELETE(single(path), { params: { path: { id } } }));
  await changed(path);
}

/** A step of a resource, such as `/invoices/{id}/issue`. */
export async function act(path: Path, id: string, step: string, body?: object): Promise<void> {
  const address = `/api/v1/${path}/{id}/${step}` as "/api/v1/invoices/{id}/void";
  const params = { path: { id }, header: { "Idempotency-Key": idempotencyKey() } as never };
  await must(api.POST(address, { params, ...(body && { body: body as never }) }));
  await changed(path);
}

/** Money moves more than one list: an invoice by a payment, an apartment by its occupancy. */
async function changed(path: Path): Promise<void> {
  const others: Partial<Record<Path, Path[]>> = { payments: ["invoices"], occupancies: ["apartments"], compounds: ["apartments"] };
  await Promise.all(
    [path, ...(others[path] ?? []), "dashboard", "home"].map((key) => queries.invalidateQueries({ queryKey: [key] })),
  );
}

const NAMED = { tenant: "tenants", apartment: "apartments", compound: "compounds", occupancy: "occupancies" } as const;
export type Named = keyof typeof NAMED;

/** What to choose from, and names beside ids: the API has no `include=` yet, so the first hundred are read once. */
export const useChoices = (kind: () => Named | undefined) =>
  createQuery(() => {
    const named = kind();
    return {
      queryKey: [named ? NAMED[named] : "none", "choices"],
      enabled: named !== undefined && isStaff(session.user),
      staleTime: 120_000,
      queryFn: async () => {
        if (!named) return [];
        const sort = { tenant: "fullName", apartment: "apartmentNumber", compound: "name", occupancy: "-startDate" }[named];
        const query = { limit: 100, sort };
        const page = (await must(api.GET(all(NAMED[named]), { params: { query: query as never } }))) as unknown as Page;
        return page.items;
      },
    };
  });

export function nameOf(kind: Kind, row: Row): string {
  if (kind === "tenant") return String(row.fullName);
  if (kind === "apartment") return String(row.apartmentNumber);
  if (kind === "compound") return String(row.name);
  return String(row.id).slice(-6);
}
