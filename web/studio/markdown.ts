// Markdown to harmless DOM. HTML in answers is text; what comes out is sanitised all the same, by an allow list without style,
// forms and pictures from elsewhere.

import MarkdownIt from "markdown-it";
import purify from "dompurify";
import { t } from "./i18n";
import { add_math } from "./math_rule";

export type { Token } from "markdown-it";

const kEmbeddedPicture = /^data:image\/(png|jpeg|gif|webp);base64,/i;
const kSafeLink = /^(https?:\/\/|mailto:)/i;

export const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
markdown.validateLink = (url) => kSafeLink.test(url.trim()) || kEmbeddedPicture.test(url.trim());
add_math(markdown);

const { rules } = markdown.renderer;
const escape = markdown.utils.escapeHtml;

rules.fence = (tokens, index) => {
  const { info, content } = tokens[index]!;
  const language = info.trim().split(/\s/, 1)[0]!.slice(0, 30);
  return `<pre data-language="${escape(language)}"><code>${escape(content)}</code></pre>`;
};
rules.code_block = (tokens, index) => `<pre><code>${escape(tokens[index]!.content)}</code></pre>`;

rules.image = (tokens, index) => {
  const token = tokens[index]!;
  const src = token.attrGet("src") ?? "";
  const alt = token.content || src.slice(0, 80);
  if (kEmbeddedPicture.test(src)) return `<img src="${escape(src)}" alt="${escape(alt)}">`;
  return `<a href="${escape(src)}">${escape(t("image_link", { alt }))}</a>`;
};

// Alignment comes as a style attribute, which the page's policy forbids.
for (const cell of ["th_open", "td_open"]) {
  rules[cell] = (tokens, index) => {
    const align = /text-align:(left|center|right)/.exec(tokens[index]!.attrGet("style") ?? "")?.[1];
    return `<${tokens[index]!.tag}${align ? ` align="${align}"` : ""}>`;
  };
}

// The one tag that models write into table cells.
markdown.inline.ruler.before("html_inline", "br", (state, silent) => {
  const tag = /^<br\s*\/?>/i.exec(state.src.slice(state.pos, state.pos + 8))?.[0];
  if (!tag) return false;
  if (!silent) state.push("hardbreak", "br", 0);
  state.pos += tag.length;
  return true;
});

const kAllowed = {
  ALLOWED_TAGS: "p br strong em s code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td a img span".split(" "),
  ALLOWED_ATTR: ["href", "src", "alt", "title", "align", "start", "data-language", "data-math"],
  // Not addresses: their values need not look like one.
  ADD_URI_SAFE_ATTR: ["align", "start", "data-language", "data-math"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:|data:image\/(?:png|jpeg|gif|webp);base64,)/i,
  RETURN_DOM_FRAGMENT: true,
};

/** Tokens of markdown.parse() as elements. Links open elsewhere and tell the other side nothing. */
export function elements_of(tokens: MarkdownItTokens, env: object): DocumentFragment {
  const fragment = purify.sanitize(markdown.renderer.render(tokens, markdown.options, env), kAllowed);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    if (!link.title && link.href) link.title = link.href;
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}

type MarkdownItTokens = Parameters<MarkdownIt["renderer"]["render"]>[0];
