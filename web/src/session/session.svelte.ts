/**
 * Who is signed in. The access token lives in memory only; the refresh token is a cookie that no script reads.
 * Tabs refresh under one lock and tell each other, so that five tabs make one refresh.
 */
import type { components } from "~/api/schema";
import { Problem } from "~/api/problem";

export type User = components["schemas"]["User"];
type SignedIn = components["schemas"]["SignedIn"];

interface Shared {
  token: string;
  expiresAt: number;
  user: User;
  mustChangePassword: boolean;
}

const LOCK = "nexus-session";
/** What another tab told may arrive a little after its lock is gone. */
const GRACE = 40;
/** Seconds before its end from which on a token is not used any more. */
const MARGIN = 20;

class Session {
  user = $state.raw<User | null>(null);
  /** The session has ended while its page is still open: sign-in is shown over it. */
  ended = $state(false);
  mustChangePassword = $state(false);
  token = "";
  private expiresAt = 0;
  private channel = new BroadcastChannel("nexus-session");
  private resumed: (() => void)[] = [];
  private listeners = new Set<() => void>();

  constructor() {
    this.channel.onmessage = ({ data }: MessageEvent<Shared | "signed-out">) => {
      if (data === "signed-out") this.clear();
      else if (this.user === null || this.user.id === data.user.id) this.take(data);
      else location.reload();
    };
  }

  /** Called when somebody has signed out, or another person has signed in: nothing of the last person may stay. */
  onCleared(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Goes on with the session of the cookie, if there is one. */
  async restore(): Promise<void> {
    if (csrf() === undefined) return;
    try {
      await this.refresh("");
    } catch {
      // Nobody is signed in, or the server is away; sign-in says which.
    }
  }

  /** A token other than `stale`; where the session is over, after the person has signed in again. */
  async renew(stale: string): Promise<void> {
    try {
      await this.refresh(stale);
    } catch (error) {
      if (error instanceof Problem && error.status !== 401 && error.status !== 403) throw error;
      await this.signInOver();
    }
  }

  async accessToken(fresh: boolean): Promise<string> {
    if (fresh || Date.now() > this.expiresAt - MARGIN * 1000) await this.renew(this.token);
    return this.token;
  }

  async signIn(body: components["schemas"]["SignInBody"]): Promise<void> {
    const answer = await call("/api/v1/auth/login?session=cookie", body);
    if (this.user && this.user.id !== answer.user.id) this.forget();
    this.share(answer);
  }

  async signOut(): Promise<void> {
    try {
      await call("/api/v1/auth/logout", undefined);
    } finally {
      this.channel.postMessage("signed-out");
      this.clear();
    }
  }

  update(user: User): void {
    this.user = user;
  }

  private signInOver(): Promise<void> {
    this.ended = true;
    return new Promise((resume) => this.resumed.push(resume));
  }

  private async refresh(stale: string): Promise<void> {
    await navigator.locks.request(LOCK, async () => {
      if (this.token === stale) await new Promise((done) => setTimeout(done, stale ? GRACE : 0));
      if (this.token !== stale) return;
      this.share(await call("/api/v1/auth/refresh", {}));
    });
  }

  private share({ accessToken, expiresIn, user, mustChangePassword }: SignedIn): void {
    const shared = { token: accessToken, expiresAt: Date.now() + expiresIn * 1000, user, mustChangePassword };
    this.channel.postMessage(shared);
    this.take(shared);
  }

  private take({ token, expiresAt, user, mustChangePassword }: Shared): void {
    this.token = token;
    this.expiresAt = expiresAt;
    this.mustChangePassword = mustChangePassword;
    // The same person: what is on the screen stays as it is.
    if (JSON.stringify(this.user) !== JSON.stringify(user)) this.user = user;
    this.ended = false;
    for (const resume of this.resumed.splice(0)) resume();
  }

  private clear(): void {
    this.token = "";
    this.user = null;
    this.ended = false;
    this.forget();
  }

  private forget(): void {
    for (const listener of this.listeners) listener();
  }
}

/** The readable cookie, whose value proves that a request comes from our page. */
function csrf(): string | undefined {
  return /(?:^|; )(?:__Host-)?nexus_csrf=([^;]+)/.exec(document.cookie)?.[1];
}

async function call(path: string, body: unknown): Promise<SignedIn> {
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  const proof = csrf();
  if (proof) headers.set("x-csrf-token", proof);
  let response: Response;
  try {
    response = await fetch(path, { method: "POST", headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw Problem.offline();
  }
  const answer: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  if (!response.ok) throw Problem.of(response, answer);
  return answer as SignedIn;
}

export const session = new Session();
