// Which blocks of a growing Markdown text can no longer change.

import type { Token } from "markdown-it";

export interface Done {
  /** So many tokens, from the first on, belong to blocks that are done. */
  tokens: number;
  /** So many characters of the text. */
  length: number;
}

/** All top-level blocks but the last are done, once it is certain that the last one begins where it seems to. */
export function done_blocks(text: string, tokens: Token[]): Done {
  const begin = last_block(tokens);
  const from = tokens[begin]?.map?.[0] ?? 0;
  const lines = text.split("\n");
  if (begin === 0 || !starts_block(lines, from)) return { tokens: 0, length: 0 };
  return { tokens: begin, length: lines.slice(0, from).reduce((sum, line) => sum + line.length + 1, 0) };
}

/** The index of the token that opens the last top-level block. */
function last_block(tokens: Token[]): number {
  for (let i = tokens.length - 1; i >= 0; i--) if (tokens[i]!.level === 0 && tokens[i]!.nesting !== -1) return i;
  return 0;
}

/** Whether the last block will still begin at that line, whatever follows: "1" may become "1.5" or one more item of the list before it. */
function starts_block(lines: string[], from: number): boolean {
  if (from < lines.length - 1) return true;
  return !lines[from - 1]?.trim() && !/^(\s|$|>|[-+*](\s|$)|\d{1,9}([.)](\s|$)|$))/.test(lines[from]!);
}
