// A conversation is a tree of messages: an edit or another answer is a sibling. Its head is the end of the branch that is shown.

import type { Content, Message } from "./types";

export type Messages = ReadonlyMap<string, Message>;

/** Messages with the same parent, oldest first. */
export function children(messages: Messages, parent: string | null): Message[] {
  return [...messages.values()].filter((message) => message.parent === parent);
}

/** From the first message to `head`, both included. Bounded, should a store hold a ring. */
export function path_to(messages: Messages, head: string | null): Message[] {
  const path: Message[] = [];
  for (let id = head; id !== null && path.length <= messages.size; ) {
    const message = messages.get(id);
    if (!message) break;
    path.push(message);
    id = message.parent;
  }
  return path.reverse();
}

/** The newest end below a message: where its branch is picked up again. */
export function leaf(messages: Messages, id: string): string {
  let at = id;
  for (let steps = 0; steps < messages.size; steps++) {
    const next = children(messages, at).at(-1);
    if (!next) break;
    at = next.id;
  }
  return at;
}

/** Versions of a message, oldest first: siblings of its role. Two answers that were asked for together are one version. */
export function versions(messages: Messages, message: Message): Message[][] {
  const groups = new Map<string, Message[]>();
  for (const other of children(messages, message.parent)) {
    if (other.role !== message.role) continue;
    const group = other.stats?.pair ?? other.id;
    groups.set(group, [...(groups.get(group) ?? []), other]);
  }
  return [...groups.values()];
}

export function text_of(content: Content): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

/** What the person typed, without the files: the last part. */
export function question_of(content: Content): string {
  if (typeof content === "string") return content;
  const last = content.at(-1);
  return last?.type === "text" ? last.text : "";
}
