// Windows of the studio in the same browser tell each other what they change.

import type { Message } from "./types";

export type News =
  | { kind: "message"; message: Message }
  | { kind: "conversation"; id: string }
  | { kind: "deleted"; id: string }
  /** Who writes this answer? Its window replies with the message. */
  | { kind: "who"; id: string };

const channel = "BroadcastChannel" in window ? new BroadcastChannel("orrery") : null;

export function tell(news: News): void {
  channel?.postMessage(news);
}

export function hear(listener: (news: News) => void): void {
  if (channel) channel.onmessage = (event: MessageEvent<News>) => listener(event.data);
}
