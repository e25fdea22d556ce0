import { createInfiniteQuery, createQuery } from "@tanstack/svelte-query";
import { api, must, type Schemas } from "~/api/client";
import { queries } from "~/query";

export type Status = Schemas["VerificationStatus"];

export const useQueue = (status: () => Status) =>
  createInfiniteQuery(() => ({
    queryKey: ["verifications", "list", status()],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      must(
        api.GET("/api/v1/admin/verifications", {
          params: { query: { status: status(), sort: status() === "PENDING" ? "submittedAt" : "-submittedAt", limit: 50, ...(pageParam && { cursor: pageParam }) } },
        }),
      ),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: 60_000,
  }));

export const useCase = (userId: () => string) =>
  createQuery(() => ({
    queryKey: ["verifications", "one", userId()],
    enabled: userId() !== "",
    queryFn: () => must(api.GET("/api/v1/admin/verifications/{userId}", { params: { path: { userId: userId() } } })),
  }));

export async function decide(
  userId: string,
  decision: { approve: true; role: Schemas["Role"] } | { approve: false; reason: string },
  key: string,
): Promise<void> {
  const params = { path: { userId }, header: { "Idempotency-Key": key } };
  if (decision.approve) {
    await must(api.POST("/api/v1/admin/verifications/{userId}/approve", { params, body: { role: decision.role } }));
  } else {
    const reason = decision.reason.trim();
    await must(api.POST("/api/v1/admin/verifications/{userId}/reject", { params, body: reason ? { reason } : {} }));
  }
  await queries.invalidateQueries({ queryKey: ["verifications"] });
}
