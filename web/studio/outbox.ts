// Everything that must reach the server's store, in order. What cannot be stored now is kept in this browser and tried again,
// after a reload too: nothing is lost silently.

import { ApiError, request, with_json } from "./api";
import { emit } from "./bus";
import { t } from "./i18n";
import { keys, read, write } from "./preferences";
import { toast } from "./toast";

interface Entry {
  /** Entries with the same key replace each other. */
  key: string;
  method: "POST" | "PUT" | "PATCH";
  path: string;
  /** Read when it is sent, so that a growing answer is sent as it then stands; null: there is nothing left to send. */
  body: () => object | null;
  /** Sent at most once a second. */
  partial: boolean;
  order: number;
  /** Called before each sending. */
  sending?: () => void;
}

const kPartialMs = 1000;
const kKeepaliveBytes = 60_000;
const kJournal = "unsaved.";
let entries: Entry[] = [];
const sent_at = new Map<string, number>();
let flying: Entry | null = null;
let timer = 0;
let journal_timer = 0;
let attempts = 0;
let durable = true;
let count = 0;
let idle: (() => void)[] = [];
let failure: { error: string; until: number } | null = null;

/** Not null while the server cannot be reached. */
export function trouble(): { count: number; error: string; until: number; durable: boolean } | null {
  return failure && { ...failure, count: entries.length, durable };
}

export function put(entry: Omit<Entry, "order">): void {
  const old = entries.find((other) => other.key === entry.key);
  if (old) Object.assign(old, entry);
  else entries.push({ ...entry, order: Date.now() * 1000 + (count++ % 1000) });
  if (failure) journal_soon();
  pump();
}

/** What waits to be stored under a key, if anything. */
export function waiting(key: string): object | null {
  return entries.find((entry) => entry.key === key)?.body() ?? (flying?.key === key ? flying.body() : null);
}

/** Forgets what waits for a conversation that is deleted. */
export function forget(path: string): void {
  for (const entry of entries) if (entry.path.startsWith(path)) write(kJournal + entry.key, null);
  entries = entries.filter((entry) => !entry.path.startsWith(path));
}

/** Resolves when all is stored, or when the server turned out to be out of reach. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    idle.push(resolve);
    pump();
  });
}

export function try_now(): void {
  if (failure) failure.until = 0;
  pump();
}

/** Takes over what earlier pages could not store, and from now on leaves it behind when this page is closed. */
export function start(): void {
  const found: Entry[] = [];
  for (const stored of keys(kJournal)) {
    try {
      const { method, path, order } = JSON.parse(read(stored)!) as Entry;
      const body = () => (JSON.parse(read(stored) ?? "{}") as { body?: object }).body ?? null;
      found.push({ key: stored.slice(kJournal.length), method, path, order, body, partial: false });
    } catch {
      write(stored, null);
    }
  }
  entries = [...found.sort((a, b) => a.order - b.order), ...entries];
  addEventListener("pagehide", leave);
  addEventListener("online", try_now);
  pump();
}

function pump(): void {
  clearTimeout(timer);
  if (flying) return;
  const now = Date.now();
  if (failure && failure.until > now) {
    timer = setTimeout(pump, failure.until - now);
    rest();
    return;
  }
  const due = (entry: Entry) => (entry.partial ? (sent_at.get(entry.key) ?? 0) + kPartialMs : 0);
  const next = entries.find((entry) => due(entry) <= now);
  if (next) void dispatch(next);
  else if (entries.length) timer = setTimeout(pump, Math.min(...entries.map(due)) - now);
  else rest();
}

function rest(): void {
  for (const resolve of idle) resolve();
  idle = [];
}

async function dispatch(entry: Entry): Promise<void> {
  flying = entry;
  entries = entries.filter((other) => other !== entry);
  sent_at.set(entry.key, Date.now());
  try {
    const body = entry.body();
    entry.sending?.();
    if (body) await request(entry.path, with_json(entry.method, body));
    recovered(entry);
  } catch (error) {
    const known = error instanceof ApiError ? error : new ApiError(String(error), 0);
    if (entry.method === "POST" && known.status === 409) recovered(entry);
    else if (known.passing) fail(entry, known);
    else {
      recovered(entry);
      toast(known.status === 404 ? t("gone") : t("not_stored", { error: known.message }));
    }
  }
  flying = null;
  pump();
}

function recovered(entry: Entry): void {
  if (!entries.some((other) => other.key === entry.key)) write(kJournal + entry.key, null);
  attempts = 0;
  if (failure) {
    failure = null;
    emit("outbox");
  }
}

function fail(entry: Entry, error: ApiError): void {
  if (!entries.some((other) => other.key === entry.key)) entries.unshift(entry);
  const wait = (error.retry_after ?? Math.min(30, 2 ** attempts++)) * 1000;
  failure = { error: error.message, until: Date.now() + wait };
  journal();
  emit("outbox");
}

function journal(): void {
  durable = true;
  for (const { key, method, path, order, body } of flying ? [...entries, flying] : entries) {
    const content = body();
    if (content && !write(kJournal + key, JSON.stringify({ method, path, order, body: content }))) durable = false;
  }
}

function journal_soon(): void {
  if (journal_timer) return;
  journal_timer = setTimeout(() => {
    journal_timer = 0;
    if (failure) {
      journal();
      emit("outbox");
    }
  }, kPartialMs);
}

/** The page is being closed: a last try for what is small enough, and a copy of everything for the next page. */
function leave(): void {
  journal();
  if (failure) return;
  for (const entry of entries) {
    const body = JSON.stringify(entry.body());
    if (body.length < kKeepaliveBytes) {
      request(entry.path, { ...with_json(entry.method, entry.body()), keepalive: true }, true).catch(() => undefined);
    }
  }
}
