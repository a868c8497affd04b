// What answers look like: while they grow, when they are done, and when they mean harm.

import assert from "node:assert/strict";
import { answers, ask, finished, page_test, picture, question, until } from "./browser.mjs";

const kRich = `say:# Kepler's laws

Planets move on **ellipses**, with the sun in *one* focus. The orbit in polar coordinates is $r(\\theta) = \\frac{p}{1 + e\\cos\\theta}$, and

$$
T^2 = \\frac{4\\pi^2}{G M}\\, a^3
$$

says how long a year is. It costs $5 and $10, not more.

| planet | a / AU | T / years |
|:--|--:|:-:|
| Mercury | 0.387 | 0.241 |
| Earth | 1 | 1 |
| Jupiter | 5.203 | 11.86 |

1. Solve Kepler's equation \\(M = E - e \\sin E\\):

   - start at \`E = M\`
   - iterate

2. Then the position.

\`\`\`python
def eccentric_anomaly(M, e):
    """Newton's method."""
    E = M
    for _ in range(20):
        E -= (E - e * sin(E) - M) / (1 - e * cos(E))
    return E
\`\`\`

> What we call the beginning is often the end.

See [the source](https://example.org/kepler) and <b>no HTML</b>.`;

page_test("a rich answer: headings, formulas, tables, lists, code", { only_stand_in: true, permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
  await ask(page, kRich);
  const prose = page.locator(".prose");
  await prose.locator(".katex-display").waitFor();
  assert.equal(await prose.locator(".katex").count(), 3);
  assert.match(await prose.innerText(), /It costs \$5 and \$10, not more\./);
  assert.match(await prose.innerText(), /<b>no HTML<\/b>/);
  assert.equal(await prose.locator("td").count(), 9);
  assert.equal(await prose.locator("ol li ul li").count(), 2);
  assert.equal(await prose.locator("td[align=right]").first().innerText(), "0.387");
  const link = prose.getByRole("link", { name: "the source" });
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer nofollow");
  assert.equal(await link.getAttribute("target"), "_blank");
  await prose.getByRole("button", { name: "Copy code" }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^def eccentric_anomaly[\s\S]*return E\n$/);
  await page.locator(".scroll").evaluate((scroll) => (scroll.scrollTop = 250));
  await picture(page, "markdown");
});

page_test("while it grows, an answer looks as it will when it is done", { only_stand_in: true }, async (page) => {
  // The last look at the growing answer, taken apart from the final rendering, which replaces what differs.
  await page.evaluate(() => {
    window.looks = [];
    new MutationObserver(() => {
      const prose = document.querySelector(".answer.live .prose");
      if (prose) window.looks.push([...prose.querySelectorAll("h1,p,li,td,pre,blockquote,.katex-display")].map((element) => element.nodeName).join());
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await ask(page, kRich);
  await page.locator(".prose .katex-display").waitFor();
  const [looks, final] = await page.evaluate(() => [
    window.looks,
    [...document.querySelectorAll(".prose :is(h1,p,li,td,pre,blockquote,.katex-display)")].map((element) => element.nodeName).join(),
  ]);
  assert.ok(looks.length > 10);
  assert.equal(looks.filter((look) => look.startsWith("H1,P")).length > 5, true);
  assert.ok(final.startsWith(looks.at(-1).slice(0, 60)), looks.at(-1) + " against " + final);
});

page_test("blocks that are done stay as they are while more comes", { only_stand_in: true }, async (page) => {
  await question(page).fill("say:First paragraph.\n\nSecond paragraph.\n\n" + "more words ".repeat(300));
  await page.keyboard.press("Control+Enter");
  await page.locator(".answer.live .settled p").nth(1).waitFor();
  await page.evaluate(() => (document.querySelector(".prose p").mark = "same"));
  await finished(page).first().waitFor();
  assert.equal(await page.evaluate(() => document.querySelector(".prose p").mark), "same");
});

const kHostile = [
  "<script>window.hacked = 1</script>",
  '<img src=x onerror="window.hacked = 1">',
  "[click](javascript:window.hacked=1)",
  "[click](JaVaScRiPt&colon;window.hacked=1)",
  "[click](data:text/html;base64,PHNjcmlwdD53aW5kb3cuaGFja2VkPTE8L3NjcmlwdD4=)",
  "![picture](https://example.org/track.png)",
  "![x](x\" onerror=\"window.hacked=1)",
  '<svg onload="window.hacked=1"><animate onbegin="window.hacked=1"/></svg>',
  "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
  "<style>body { display: none }</style>",
  '<form action="https://example.org"><input name="password"></form>',
  "<https://example.org/\"onmouseover=\"window.hacked=1>",
  "$\\href{javascript:window.hacked=1}{x}$ and $\\includegraphics{https://example.org/x.png}$ and $\\htmlData{onclick=hacked}{y}$",
  "$$\\def\\a{\\a\\a}\\a$$ and $\\fbox{x}$ and $\\colorbox{red}{x}$",
  "```html\" onclick=\"window.hacked=1\n<script>window.hacked = 1</script>\n```",
  "| a |\n|--|\n| <img src=x onerror=window.hacked=1> |",
  "[ref]: javascript:window.hacked=1\n\n[ref]",
  "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1></style></mglyph></table></mtext></math>",
  "<a href='/api/studio/conversations' download>local</a> [local](/api/studio/preferences.jsonl)",
];

page_test("hostile answers stay text", { only_stand_in: true }, async (page) => {
  for (const text of kHostile) {
    await ask(page, "say:" + text);
    // Whoever is curious: everything that could be clicked is.
    for (const link of await answers(page).last().locator(".prose a").all()) {
      assert.match(await link.evaluate((element) => element.protocol), /^(https?|mailto):$/, text);
      await link.dispatchEvent("mouseover");
    }
  }
  const found = await page.evaluate(() => ({
    hacked: window.hacked,
    elements: document.querySelectorAll(".prose :is(script, iframe, style, form, input, object, embed, img, svg [onload])").length,
    handlers: [...document.querySelectorAll(".prose *")].filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on"))).length,
  }));
  assert.deepEqual(found, { hacked: undefined, elements: 0, handlers: 0 });
  assert.match(await answers(page).first().locator(".prose").innerText(), /<script>/);
  await answers(page).nth(5).getByRole("link", { name: "image: picture" }).waitFor();
  await page.reload();
  await answers(page).nth(kHostile.length - 1).waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

const kHuge = {
  "one word of 100 KB": "x".repeat(100_000),
  "a table of 3,000 rows": "| a | b |\n|---|---|\n" + "| 1 | 2 |\n".repeat(3000),
  "20,000 dollar signs": "$ ".repeat(20_000),
  "20,000 brackets": "[".repeat(20_000),
  "deep quotes": ">".repeat(5_000) + " x",
  "deep lists": Array.from({ length: 300 }, (_, depth) => " ".repeat(2 * depth) + "- x").join("\n"),
  "20,000 stars": "*a **b ".repeat(4_000),
  "a code block of 200 KB": "```\n" + "let x = 1;\n".repeat(20_000),
};
for (const [name, text] of Object.entries(kHuge)) {
  page_test("the page stays alive: " + name, { only_stand_in: true }, async (page) => {
    // As one piece at the end, and growing in a few hundred pieces.
    await page.route("**/v1/chat/completions", async (route) => {
      const size = Math.ceil(text.length / 300);
      const chunks = Array.from({ length: 300 }, (_, index) => text.slice(index * size, (index + 1) * size)).filter(Boolean);
      const event = (value) => "data: " + JSON.stringify(value) + "\n\n";
      const body = chunks.map((content) => event({ choices: [{ delta: { content } }] })).join("");
      await route.fulfill({ contentType: "text/event-stream", body: body + event({ choices: [{ delta: {}, finish_reason: "stop" }] }) + "data: [DONE]\n\n" });
    });
    await question(page).fill("go");
    await page.keyboard.press("Enter");
    await finished(page).first().waitFor({ timeout: 60_000 });
    await until("it is shown", () => page.locator(".prose").evaluate((prose) => prose.innerHTML.length > 100), 60_000);
    assert.ok(await page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth), "the page must not scroll sideways");
    const wide = await page.locator(".scroll").evaluate((scroll) => scroll.scrollWidth - scroll.clientWidth);
    assert.ok(wide <= 0, `the conversation must not scroll sideways, but is ${wide} pixels too wide`);
    await question(page).fill("still here");
    await page.keyboard.press("Control+Enter");
    await finished(page).nth(1).waitFor({ timeout: 60_000 });
  });
}
