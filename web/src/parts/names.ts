import type { Schemas } from "~/api/client";
import { session } from "~/session/session.svelte";

/** A group's own name, or the other person's. */
export function chatName(chat: Schemas["Chat"]): string {
  if (chat.name) return chat.name;
  return chat.members
    .filter(({ userId }) => userId !== session.user?.id)
    .map(({ name }) => name)
    .join(", ");
}
