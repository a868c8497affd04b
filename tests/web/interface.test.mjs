// History, keys, languages, themes, phone width, key prompt, accessibility.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ask, axe_source, base, finished, kPhone, page_test, picture, question, until } from "./browser.mjs";

const row = (page, text) => page.locator("#sidebar li").filter({ hasText: text });
const unique = (text) => text + " " + Math.random().toString(36).slice(2, 8);

page_test("history: search, rename, delete, undo", {}, async (page) => {
  const [comets, moons] = [unique("About comets"), unique("About moons")];
  await ask(page, comets);
  await page.getByRole("button", { name: "New conversation" }).click();
  await ask(page, moons);
  await row(page, comets).waitFor();
  await page.getByLabel("Search conversations").fill(comets.slice(-6));
  await row(page, moons).waitFor({ state: "detached" });
  await row(page, comets).waitFor();
  await picture(page, "search");
  await page.getByLabel("Search conversations").fill("no such thing anywhere");
  await page.getByText("Nothing found for “no such thing anywhere”.").waitFor();
  await page.getByLabel("Search conversations").fill("");

  await row(page, comets).hover();
  await row(page, comets).getByRole("button", { name: "Rename" }).click();
  const name = unique("Tails");
  await page.locator("#sidebar li input").fill(name);
  await page.keyboard.press("Enter");
  await row(page, name).waitFor();
  await page.reload();
  await row(page, name).waitFor();

  await row(page, name).hover();
  await row(page, name).getByRole("button", { name: "Delete" }).click();
  await row(page, name).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, name).waitFor();
  await row(page, name).hover();
  await row(page, name).getByRole("button", { name: "Delete" }).click();
  await page.locator(".toast").getByRole("button", { name: "Close" }).click();
  await page.reload();
  await row(page, moons).waitFor();
  assert.equal(await row(page, name).count(), 0);
});

page_test("a conversation is exported as JSON", {}, async (page) => {
  await ask(page, "Export me");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export this conversation" }).click()]);
  const exported = JSON.parse(await readFile(await download.path(), "utf8"));
  assert.equal(exported.messages[0].content, "Export me");
});

page_test("by keyboard alone", { only_stand_in: true }, async (page) => {
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.nodeName);
  assert.equal(await focused(), "question");
  await keyboard.type("say:one");
  await keyboard.press("Shift+Enter");
  await keyboard.type("two");
  assert.equal(await question(page).inputValue(), "say:one\ntwo");
  await keyboard.press("Enter");
  await finished(page).first().waitFor();
  await question(page).evaluate((area) => area.blur());
  await keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await picture(page, "shortcuts");
  await keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await keyboard.press("r");
  await page.locator(".answer .branches").getByText("2/2").waitFor();
  await finished(page).first().waitFor();
  await keyboard.press("[");
  await page.locator(".answer .branches").getByText("1/2").waitFor();
  await keyboard.press("e");
  await page.getByLabel("Edit your question").waitFor();
  await keyboard.press("Control+A");
  await keyboard.type("say:edited");
  await keyboard.press("Control+Enter");
  await page.locator(".answer .prose").getByText("edited").waitFor();
  await finished(page).first().waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await keyboard.press("k");
  assert.match(await focused(), /message answer/);
  await keyboard.press("k");
  assert.match(await focused(), /message question/);
  await keyboard.press("/");
  await until("search has the focus", () => page.evaluate(() => document.activeElement.type === "search"));
  await page.evaluate(() => document.activeElement.blur());
  await keyboard.press("s");
  await page.locator("#settings").waitFor();
  await keyboard.press("Escape");
  await page.locator("#settings").waitFor({ state: "hidden" });
  assert.equal(await focused(), "open-settings");
  await keyboard.press("b");
  await page.locator("#sidebar").waitFor({ state: "hidden" });
  await keyboard.press("b");
  await page.locator("#sidebar").waitFor();
  await keyboard.press("n");
  await page.locator(".welcome").waitFor();
  assert.equal(await focused(), "question");
  // The first stop of Tab is the way past the sidebar.
  assert.equal(await page.evaluate(() => document.querySelector("a, button, input, select, textarea").className), "skip");
});

page_test("single keys can be switched off, Enter can be a new line", { only_stand_in: true }, async (page) => {
  await page.getByRole("button", { name: "Settings of this conversation" }).click();
  await page.getByLabel("Single-key shortcuts").uncheck();
  await page.getByLabel("Enter sends").uncheck();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("?");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await question(page).focus();
  await page.keyboard.type("a");
  await page.keyboard.press("Enter");
  assert.equal(await question(page).inputValue(), "a\n");
  await page.keyboard.press("Control+Enter");
  await page.locator(".question").waitFor();
});

page_test("Enter that ends a composed word does not send", { locale: "zh-CN" }, async (page) => {
  await question(page).fill("行星");
  await question(page).dispatchEvent("keydown", { key: "Enter", isComposing: true });
  await question(page).dispatchEvent("keydown", { key: "Enter", keyCode: 229 });
  assert.equal(await page.locator(".question").count(), 0);
});

page_test("a draft outlasts a reload", {}, async (page) => {
  await question(page).fill("half a thought");
  await page.reload();
  await until("the draft is back", async () => (await question(page).inputValue()) === "half a thought");
});

page_test("Chinese by the browser's language, and by the switch", { locale: "zh-CN" }, async (page) => {
  await page.getByText("今天想探讨什么？").waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await question(page).fill("木星有多少颗卫星？");
  await page.keyboard.press("Enter");
  await finished(page).first().waitFor();
  await page.getByRole("button", { name: "此对话的设置" }).click();
  await picture(page, "chinese");
  await page.getByRole("button", { name: "Switch to English" }).click();
  await page.getByRole("button", { name: "New conversation" }).waitFor();
  await page.locator(".question").getByText("木星有多少颗卫星？").waitFor();
  await page.reload();
  await page.getByRole("button", { name: "New conversation" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
});

const paper = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

page_test("dark by the system's theme, and by the switch", { colorScheme: "dark" }, async (page) => {
  const dark = await paper(page);
  assert.equal(dark, "rgb(18, 21, 27)");
  await picture(page, "welcome-dark");
  await ask(page, "A question at night");
  await picture(page, "chat-dark");
  await page.getByRole("button", { name: "Theme: as the system" }).click();
  assert.equal(await paper(page), "rgb(250, 248, 243)");
  await page.reload();
  assert.equal(await paper(page), "rgb(250, 248, 243)");
  await page.getByRole("button", { name: "Theme: light" }).click();
  await page.getByRole("button", { name: "Theme: dark" }).click();
  assert.equal(await paper(page), dark);
});

page_test("on a phone: the sidebar is a drawer, nothing scrolls sideways", { viewport: kPhone, hasTouch: true, isMobile: true }, async (page) => {
  await picture(page, "welcome-phone");
  assert.equal(await page.locator("#sidebar").isVisible(), false);
  await question(page).fill("From a phone");
  await page.getByRole("button", { name: "Send" }).click();
  await finished(page).first().waitFor();
  await picture(page, "chat-phone");
  await page.getByRole("button", { name: "Show conversations" }).click();
  await row(page, "From a phone").first().waitFor();
  await page.waitForTimeout(300);
  await picture(page, "drawer-phone");
  await page.locator(".shade").click({ position: { x: 370, y: 400 } });
  await page.locator("#sidebar").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Settings of this conversation" }).click();
  await picture(page, "settings-phone");
  assert.ok(await page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth));
});

page_test("a server that asks for a key", { only_stand_in: true }, async (page) => {
  const guard = async (route) => {
    if (route.request().headers().authorization === "Bearer right") return route.continue();
    return route.fulfill({ status: 401, contentType: "application/json", body: JSON.stringify({ error: { message: "an API key is needed" } }) });
  };
  await page.route("**/api/**", guard);
  await page.route("**/v1/**", guard);
  await page.reload();
  const dialog = page.getByRole("dialog", { name: "This server asks for a key" });
  await dialog.getByLabel("API key").fill("wrong");
  await page.keyboard.press("Enter");
  await dialog.getByText("The server refused this key.").waitFor();
  await picture(page, "key");
  await dialog.getByLabel("API key").fill("right");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await page.locator("select.model:enabled").first().waitFor();
  await ask(page, "With a key");
  await page.reload();
  await page.locator(".question").getByText("With a key").waitFor();
  assert.equal(await page.evaluate(() => Object.values(localStorage).join().includes("right")), false);
});

async function serious(page) {
  // Not by addScriptTag: the page's policy forbids inline scripts.
  await page.evaluate(axe_source);
  // Colours that are still on their way to others are nobody's to read.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime < Infinity).map(({ finished }) => finished)));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, impact, nodes }) => (["serious", "critical"].includes(impact) ? nodes.map((node) => `${id}: ${node.html.slice(0, 120)} ${node.failureSummary}`) : []));
}

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [{ width: 1280, height: 820 }, kPhone]) {
    page_test(`accessible: ${colorScheme}, ${viewport.width} wide`, { colorScheme, viewport, reducedMotion: "reduce" }, async (page) => {
      assert.deepEqual(await serious(page), [], "the empty page");
      await page.getByRole("button", { name: "Compare two answers" }).click();
      await question(page).fill("one of two");
      await page.keyboard.press("Control+Enter");
      await page.getByRole("button", { name: "The first is better" }).click();
      await page.getByText("Vote stored.").waitFor();
      await page.getByRole("button", { name: "Compare two answers" }).click();
      await ask(page, "say:# Title\n\n`code` and [link](https://example.org)\n\n```js\nlet x = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$x^2$\n\n> quote");
      await ask(page, "error 500");
      assert.deepEqual(await serious(page), [], "a conversation");
      await page.getByRole("button", { name: "Settings of this conversation" }).click();
      assert.deepEqual(await serious(page), [], "settings");
      await page.locator("#settings").getByRole("button", { name: "Close" }).click();
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("?");
      assert.deepEqual(await serious(page), [], "shortcuts");
    });
  }
}
