import { QueryClient } from "@tanstack/svelte-query";
import { asProblem } from "./api/problem";
import { session } from "./session/session.svelte";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) => {
        const { status } = asProblem(error);
        return failures < 2 && (status === 0 || status >= 500);
      },
    },
    mutations: { retry: false },
  },
});

session.onCleared(() => queries.clear());
