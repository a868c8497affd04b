// What the server stores and sends (its API's own field names).

export type Role = "system" | "user" | "assistant";
export type TextPart = { type: "text"; text: string };
export type ImagePart = { type: "image_url"; image_url: { url: string } };
export type Part = TextPart | ImagePart;
/** Parts of a question with files: one text part per document, then pictures, then the question itself, always last. */
export type Content = string | Part[];
/** null while the answer is being written. */
export type Finish = null | "stop" | "length" | "cancelled" | "error";

export interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  repeat_penalty?: number;
  max_tokens?: number;
  seed?: number;
  stop?: string[];
}

/** What one answer is asked with. */
export interface Variant extends Sampling {
  model?: string;
  system?: string;
}

export interface Settings extends Variant {
  /** The second answer's variant, while two answers are compared. */
  compare?: Variant | null;
}

export interface Stats {
  prompt_tokens?: number;
  completion_tokens?: number;
  cached_tokens?: number;
  prompt_per_second?: number;
  tokens_per_second?: number;
  seconds?: number;
  first_token_seconds?: number;
  /** The error in words, where finish is "error". */
  error?: string;
  /** The same on both answers of a comparison. */
  pair?: string;
  vote?: "chosen" | "rejected";
  variant?: Variant;
}

export interface Message {
  id: string;
  conversation: string;
  parent: string | null;
  role: Role;
  content: Content;
  model: string | null;
  finish: Finish;
  stats: Stats | null;
  created_at: number;
}

export interface Conversation {
  id: string;
  title: string;
  created_at: number;
  updated_at: number;
  settings: Settings;
  head: string | null;
  messages: Message[];
}

export interface Listed {
  id: string;
  title: string;
  created_at: number;
  updated_at: number;
  snippet: string;
}

export interface Model {
  id: string;
  loaded: boolean;
  context: number | null;
  sees_pictures: boolean;
}

export interface Info {
  version: string;
  models: Model[];
  adapters: string[];
  limits: { body_bytes: number; image_bytes: number };
}

export interface ChatMessage {
  role: Role;
  content: Content;
}

export interface Preference {
  id: string;
  conversation?: string | null;
  prompt: ChatMessage[];
  chosen: ChatMessage[];
  rejected: ChatMessage[];
  chosen_model: string;
  rejected_model: string;
  settings?: unknown;
  created_at?: number;
}

export interface FileText {
  name: string;
  pages: { number: number; text: string }[];
  text: string;
  warning?: string | null;
}
