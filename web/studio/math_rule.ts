// Mathematics in Markdown: $…$ and \(…\) in a line, $$…$$ and \[…\] on their own or in a line.

import type MarkdownIt from "markdown-it";
import type { BlockState, InlineState } from "markdown-it";

/** A formula is at most this long, so that many lone dollar signs do not each search the whole paragraph. */
const kLongest = 2000;

/** The end of a formula that begins at `from`, or -1. A backslash protects the character after it, so `\$` does not end one. */
function find_end(text: string, from: number, close: string): number {
  const limit = Math.min(text.length, from + kLongest);
  for (let i = from; i < limit; i++) {
    if (text.startsWith(close, i)) return i;
    if (text[i] === "\\") i++;
  }
  return -1;
}

function inline_math(state: InlineState, silent: boolean): boolean {
  const { src, pos } = state;
  const open = src.startsWith("$$", pos) ? "$$" : src[pos] === "$" ? "$" : src.startsWith("\\(", pos) ? "\\(" : src.startsWith("\\[", pos) ? "\\[" : "";
  if (!open) return false;
  const close = open === "\\(" ? "\\)" : open === "\\[" ? "\\]" : open;
  const begin = pos + open.length;
  const end = find_end(src, begin, close);
  if (end <= begin) return false;
  // Pandoc's rule, which leaves "$5 and $10" alone: no space inside the dollars, no digit after them.
  if (open === "$" && (/\s/.test(src[begin]!) || /\s/.test(src[end - 1]!) || /\d/.test(src[end + 1] ?? ""))) return false;
  if (!silent) {
    const token = state.push("math", "", 0);
    token.content = src.slice(begin, end).trim();
    token.markup = open;
  }
  state.pos = end + close.length;
  return true;
}

function block_math(state: BlockState, begin: number, end: number, silent: boolean): boolean {
  if (state.sCount[begin]! - state.blkIndent >= 4) return false;
  const line = (n: number) => state.src.slice(state.bMarks[n]! + state.tShift[n]!, state.eMarks[n]);
  const first = line(begin);
  const open = first.startsWith("$$") ? "$$" : first.startsWith("\\[") ? "\\[" : "";
  if (!open) return false;
  const close = open === "$$" ? "$$" : "\\]";
  const rest = first.slice(2);
  if (rest.includes(close) && !rest.trimEnd().endsWith(close)) return false;
  if (silent) return true;
  const lines = [rest];
  let last = begin;
  while (!lines.at(-1)!.trimEnd().endsWith(close)) {
    // Open at the end: the rest is still being written, or never comes. An empty line ends it, as in TeX.
    if (last + 1 >= end || !line(last + 1).trim()) break;
    lines.push(line(++last));
  }
  const whole = lines.join("\n").trimEnd();
  const token = state.push("math", "", 0);
  token.block = true;
  token.map = [begin, last + 1];
  token.markup = whole.endsWith(close) ? open : "";
  token.content = (token.markup ? whole.slice(0, -close.length) : whole).trim();
  state.line = last + 1;
  return true;
}

/** Adds the rules; a formula becomes an element with its TeX as text, which math_view.ts then replaces. */
export function add_math(markdown: MarkdownIt): void {
  markdown.inline.ruler.before("escape", "math", inline_math);
  markdown.block.ruler.before("fence", "math", block_math, { alt: ["paragraph", "reference", "blockquote", "list"] });
  markdown.renderer.rules.math = (tokens, index) => {
    const { content, block, markup } = tokens[index]!;
    const display = block || markup === "$$" || markup === "\\[";
    const tex = markdown.utils.escapeHtml(content);
    if (!markup) return `<pre><code>${tex}</code></pre>`;
    return block ? `<p data-math="display">${tex}</p>` : `<span data-math="${display ? "display" : "inline"}">${tex}</span>`;
  };
}
