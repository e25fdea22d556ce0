/** The one way to the API: typed by its OpenAPI document. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { Problem } from "./problem";
import { session } from "~/session/session.svelte";

export type Schemas = components["schemas"];

/** Longest pause after 429 or 503 that is waited for without asking the person. */
const LONGEST_PAUSE = 5;

async function send(request: Request): Promise<Response> {
  // A body can be read once; what may go twice is kept.
  const again = request.clone();
  let response = await sendOnce(request);
  if (response.status === 401 && session.user && !isSignIn(request.url)) {
    await session.renew(bearer(request));
    response = await sendOnce(again.clone());
  }
  const pause = Number(response.headers.get("retry-after"));
  if ((response.status === 429 || response.status === 503) && again.method === "GET" && pause > 0 && pause <= LONGEST_PAUSE) {
    await new Promise((done) => setTimeout(done, pause * 1000));
    response = await sendOnce(again);
  }
  return response;
}

async function sendOnce(request: Request): Promise<Response> {
  if (session.token) request.headers.set("authorization", `Bearer ${session.token}`);
  try {
    return await fetch(request);
  } catch {
    throw Problem.offline();
  }
}

function bearer(request: Request): string {
  return request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
}

function isSignIn(url: string): boolean {
  return /\/auth\/(login|refresh|register|reset-password|verify-email)/.test(url);
}

/** Several values of one parameter go with commas between them. */
export const api = createClient<paths>({ fetch: send, querySerializer: { array: { style: "form", explode: false } } });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer, or its problem thrown. */
export async function must<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw Problem.of(response, error);
  return data as T;
}

/** The bytes of something that only the bearer of a token may read, as an address for this page alone. */
export async function fetchBlob(path: string): Promise<Blob> {
  const response = await send(new Request(new URL(path, location.origin)));
  if (!response.ok) throw Problem.of(response, await response.json().catch(() => undefined));
  return response.blob();
}

/** One key per intent: a repeated press creates nothing twice. */
export function idempotencyKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** A request with a body whose progress is told, from 0 to 1; `fetch` tells none. */
export function upload<T>(path: string, body: FormData, progress: (part: number) => void, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (session.token) request.setRequestHeader("authorization", `Bearer ${session.token}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(Problem.offline());
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      if (request.status < 300) return resolve(request.response as T);
      const headers = new Headers();
      for (const name of ["retry-after", "x-request-id"]) {
        const value = request.getResponseHeader(name);
        if (value) headers.set(name, value);
      }
      reject(Problem.of(new Response(null, { status: request.status, headers }), request.response));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
