import { createQuery } from "@tanstack/svelte-query";
import { api, must } from "~/api/client";

export const useStats = () =>
  createQuery(() => ({ queryKey: ["dashboard"], queryFn: () => must(api.GET("/api/v1/dashboard/stats")) }));

/** What one has to pay: the oldest due first. */
export const useOwed = () =>
  createQuery(() => ({
    queryKey: ["invoices", "owed"],
    queryFn: () =>
      must(
        api.GET("/api/v1/invoices", { params: { query: { status: ["ISSUED", "PARTIALLY_PAID", "OVERDUE"], sort: "dueDate", limit: 20 } } }),
      ),
  }));

export const useOccupancy = () =>
  createQuery(() => ({
    queryKey: ["occupancies", "mine"],
    queryFn: () => must(api.GET("/api/v1/occupancies", { params: { query: { status: ["ACTIVE"], limit: 1 } } })),
    select: ({ items }) => items[0] ?? null,
  }));

export const useRequests = (query: () => { priority?: ["URGENT", "HIGH"] }) =>
  createQuery(() => ({
    queryKey: ["maintenance-requests", "home", query()],
    queryFn: () =>
      must(
        api.GET("/api/v1/maintenance-requests", { params: { query: { ...query(), status: ["OPEN", "IN_PROGRESS"], sort: "-createdAt", limit: 5 } } }),
      ),
  }));
