import type { components } from "./schema";
import { t } from "~/i18n/index.svelte";

export type Code = components["schemas"]["ErrorCode"] | "OFFLINE" | "UNREADABLE";
export type FieldError = components["schemas"]["FieldError"];

/** What the API said when it did not do what was asked. */
export class Problem extends Error {
  constructor(
    readonly code: Code,
    readonly status: number,
    detail: string,
    readonly errors: FieldError[] = [],
    readonly requestId: string | undefined = undefined,
    /** Seconds to wait, where the answer names them. */
    readonly retryAfter: number | undefined = undefined,
    readonly body: unknown = undefined,
  ) {
    super(detail);
  }

  static offline(): Problem {
    return new Problem("OFFLINE", 0, "");
  }

  static of(response: Response, body: unknown): Problem {
    const retryAfter = Number(response.headers.get("retry-after")) || undefined;
    const requestId = response.headers.get("x-request-id") ?? undefined;
    const given = (typeof body === "object" && body ? body : {}) as Partial<components["schemas"]["Problem"]>;
    if (!given.code) return new Problem("UNREADABLE", response.status, "", [], requestId, retryAfter, body);
    return new Problem(
      given.code,
      response.status,
      given.detail ?? given.title ?? "",
      given.errors ?? [],
      given.requestId ?? requestId,
      retryAfter,
      body,
    );
  }

  /** In the reader's language where we have words for the code, else as the server says it. */
  get words(): string {
    const known = (t.problems as Record<string, string | undefined>)[this.code];
    if (this.retryAfter !== undefined) return `${known ?? this.message} ${t.states.retryIn(this.retryAfter)}`;
    return known ?? (this.message || t.states.failed);
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem("UNREADABLE", 0, error instanceof Error ? error.message : String(error));
}
