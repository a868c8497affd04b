// Who changes something says so; who shows it listens.

import type { Message } from "./types";

interface Events {
  /** The server has answered and the address's conversation is open. */
  ready: void;
  /** The sidebar's list is out of date. */
  list: void;
  /** Another conversation is open, or its head, title or settings changed. */
  thread: void;
  /** A message's content or state changed. */
  message: Message;
  settings: void;
  /** Whether everything is stored at the server. */
  outbox: void;
  /** The studio's own preferences (language, theme) changed. */
  interface: void;
}

type Listener<T> = (value: T) => void;
const listeners = new Map<keyof Events, Set<Listener<never>>>();

/** Returns what ends the listening. */
export function on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
  const set = listeners.get(event) ?? new Set();
  listeners.set(event, set);
  set.add(listener);
  return () => set.delete(listener);
}

export function emit<K extends keyof Events>(event: K, ...value: Events[K] extends void ? [] : [Events[K]]): void {
  for (const listener of listeners.get(event) ?? []) (listener as Listener<unknown>)(value[0]);
}

/** Forgets every listener: the page is about to be built anew. */
export function silence(): void {
  listeners.clear();
}
