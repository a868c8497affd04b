// Conversations and preferences, in memory, as the server's API describes them.

import { randomUUID } from "node:crypto";
import { Refusal } from "./refusal.mjs";

const text_of = (content) => (typeof content === "string" ? content : content.map((part) => part.text ?? "").join("\n"));

export class Store {
  conversations = new Map();
  preferences = [];
  clock = 0;

  /** Never the same twice, so that the order of changes is always known. */
  now() {
    this.clock = Math.max(this.clock + 1, Date.now());
    return this.clock;
  }

  find(id) {
    const found = this.conversations.get(id);
    if (!found) throw new Refusal(404, `there is no conversation ${id}`);
    return found;
  }

  create({ id = randomUUID(), title = "", settings = {} }) {
    if (this.conversations.has(id)) throw new Refusal(409, `the conversation ${id} is there already`);
    const now = this.now();
    const made = { id, title, created_at: now, updated_at: now, settings, head: null, messages: [] };
    this.conversations.set(id, made);
    return made;
  }

  get(id) {
    return this.find(id);
  }

  patch(id, change) {
    const found = this.find(id);
    for (const name of ["title", "settings", "head"]) if (name in change) found[name] = change[name];
    const { messages, ...rest } = found;
    return rest;
  }

  remove(id) {
    this.find(id);
    this.conversations.delete(id);
    return null;
  }

  list(query, limit, before) {
    const wanted = query.toLowerCase();
    const found = [];
    for (const { id, title, created_at, updated_at, messages } of this.conversations.values()) {
      if (updated_at >= before) continue;
      let snippet = "";
      if (wanted && !title.toLowerCase().includes(wanted)) {
        const text = messages.map((message) => text_of(message.content)).find((candidate) => candidate.toLowerCase().includes(wanted));
        if (text === undefined) continue;
        const at = text.toLowerCase().indexOf(wanted);
        snippet = text.slice(Math.max(0, at - 20), at + wanted.length + 40);
      }
      found.push({ id, title, created_at, updated_at, snippet });
    }
    found.sort((a, b) => b.updated_at - a.updated_at);
    return { conversations: found.slice(0, limit), more: found.length > limit };
  }

  put_message(conversation, id, { parent = null, role, content, model = null, finish = null, stats = null }) {
    const home = this.find(conversation);
    let message = home.messages.find((other) => other.id === id);
    if (message) Object.assign(message, { content, model, finish, stats });
    else {
      if (!["system", "user", "assistant"].includes(role)) throw new Refusal(400, "role must be system, user or assistant");
      if (parent !== null && !home.messages.some((other) => other.id === parent)) throw new Refusal(400, `there is no parent ${parent}`);
      message = { id, conversation, parent, role, content, model, finish, stats, created_at: this.now() };
      home.messages.push(message);
      home.head = id;
    }
    home.updated_at = this.now();
    return message;
  }

  add_preference(preference) {
    for (const name of ["prompt", "chosen", "rejected"]) if (!Array.isArray(preference[name])) throw new Refusal(400, `${name} must be a list of messages`);
    const made = { id: randomUUID(), ...preference, created_at: this.now() };
    this.preferences.push(made);
    return made;
  }

  list_preferences(limit) {
    const newest = [...this.preferences].reverse();
    return { preferences: newest.slice(0, limit), total: newest.length, more: newest.length > limit };
  }

  preferences_jsonl() {
    return this.preferences.map(({ prompt, chosen, rejected }) => JSON.stringify({ prompt, chosen, rejected }) + "\n").join("");
  }

  remove_preference(id) {
    const before = this.preferences.length;
    this.preferences = this.preferences.filter((preference) => preference.id !== id);
    if (this.preferences.length === before) throw new Refusal(404, `there is no preference ${id}`);
    return null;
  }
}
