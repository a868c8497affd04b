// However a text is cut while it grows, its blocks come out as from the whole. Without a browser: the pure part of the growing view.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const studio = fileURLToPath(new URL("../../web/studio", import.meta.url));

/** The studio's own rules for Markdown and blocks, bundled for node. */
async function load() {
  const folder = mkdtempSync(join(tmpdir(), "orrery-blocks-"));
  try {
    const bundle = join(folder, "blocks.mjs");
    const entry = `export { markdown } from "${studio}/markdown"; export { done_blocks } from "${studio}/blocks";`;
    const options = ["--bundle", "--format=esm", `--alias:punycode=${studio}/punycode.ts`, "--outfile=" + bundle, "--log-level=error"];
    execFileSync("esbuild", options, { input: entry, cwd: studio, env: { ...process.env, NODE_PATH: process.env.NODE_PATH ?? "/usr/share/nodejs" } });
    return await import(bundle);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const kTexts = [
  "One.\n\nTwo *is* here.\n\nThree",
  "Title\n=====\n\ntext\n---\nmore\n#hashtag\n# Heading\ntext",
  "- a\n- b\n\n- c\n\n  more of c\n\n      code in c\n\n1. one\n2. two\n\n10. ten\n\n1.5 is a number\n\nend",
  "1. one\n\n2. two\n\n   - deep\n\n     deeper\n\n3. three\n\n4\n\n5) other list",
  "> quote\nlazy\n\n> another\n>\n> - list\n\ntext\n> direct",
  "```js\nlet a = 1;\n\nlet b = `x`;\n```\nafter\n~~~\ntilde\n```\n~~~\n\n````\n```\n````\nend",
  "```\nnever closed\n\n# not a heading\n- no list",
  "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\ntext\n\n| no | table |\n\nx",
  "$$\nx = 1\n$$\n\n\\[ y \\]\n\n$$ open\nstill\n\nafter $z$ and $5 and $6",
  "* * *\n\n***\n\n- - -\n\n**bold** start\n\n*\n\n* item\n\n+ other",
  "    code\n\n    more code\n\ntext\n\n\tafter tab",
  "a\n\n\n\n\nb\n   \nc\n\n   d\n\n- e\n   \n  f",
  "text<br>more\n\n<div>\n\nstill text\n\n</div>",
  "Setext\n-\n\n-\n\n--\n\n---\n\nx",
];

test("a growing text has the blocks of the whole", async (t) => {
  let studio_parts;
  try {
    studio_parts = await load();
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return t.skip("esbuild is not installed");
  }
  const { markdown, done_blocks } = studio_parts;
  const html = (tokens, env) => markdown.renderer.render(tokens, markdown.options, env);
  let cuts = 0;
  for (const text of kTexts) {
    for (const step of [1, 2, 3, 7]) {
      const env = {};
      let done = 0;
      let settled = "";
      for (let end = step; ; end += step) {
        const grown = text.slice(0, end);
        const tail = grown.slice(done);
        const tokens = markdown.parse(tail, env);
        const found = done_blocks(tail, tokens);
        settled += html(tokens.splice(0, found.tokens), env);
        done += found.length;
        cuts += found.tokens > 0 ? 1 : 0;
        assert.equal(settled + html(tokens, env), html(markdown.parse(grown, {}), {}), JSON.stringify({ grown, step }));
        if (end >= text.length) break;
      }
    }
  }
  assert.ok(cuts > 100, "blocks are laid down while the text grows");
});
