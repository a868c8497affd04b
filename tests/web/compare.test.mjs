// Two answers side by side, the vote, and its export.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { answers, ask, base, kPhone, page_test, picture, question, stand_in } from "./browser.mjs";

async function ask_both(page, text) {
  await page.getByRole("button", { name: "Compare two answers" }).click();
  await question(page).fill(text);
  await page.keyboard.press("Control+Enter");
  await page.getByRole("button", { name: "The first is better" }).waitFor();
}

page_test("two answers, a vote, and its record as JSONL", {}, async (page) => {
  await ask_both(page, "Which planet is largest?");
  assert.equal(await page.locator(".pair .answer").count(), 2);
  await picture(page, "compare");
  await page.getByRole("button", { name: "The second is better" }).click();
  await page.getByText("Vote stored.").waitFor();
  await picture(page, "voted");
  const right = (await page.locator(".pair .answer").nth(1).locator(".prose").innerText()).trim();
  assert.equal(await page.locator(".pair .answer").nth(1).getAttribute("data-vote"), "chosen");

  await page.getByRole("button", { name: "Votes between answers" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Which planet is largest?").first().waitFor();
  await picture(page, "votes");
  const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Download JSONL" }).click()]);
  assert.equal(download.suggestedFilename(), "preferences.jsonl");
  const lines = (await readFile(await download.path(), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
  const record = lines.find((line) => line.prompt.at(-1).content === "Which planet is largest?");
  assert.deepEqual(Object.keys(record).sort(), ["chosen", "prompt", "rejected"]);
  assert.equal(record.chosen[0].role, "assistant");
  if (stand_in) assert.equal(record.chosen[0].content.trim(), right);
  if (stand_in) assert.match(record.chosen[0].content, /WHICH PLANET/);

  await page.keyboard.press("Escape");
  await page.reload();
  await page.getByText("Vote stored.").waitFor();
  await ask(page, "And the smallest?");
});

page_test("the conversation goes on from the better answer", { only_stand_in: true }, async (page) => {
  await ask_both(page, "hello");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("1");
  await page.getByText("Vote stored.").waitFor();
  await page.getByRole("button", { name: "Compare two answers" }).click();
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/chat/completions"));
  await ask(page, "next");
  const { messages } = (await sent).postDataJSON();
  assert.equal(messages[1].content, "You said: hello (message 1)");
});

page_test("both answers have a setup of their own", { only_stand_in: true }, async (page) => {
  await page.getByRole("button", { name: "Compare two answers" }).click();
  await page.getByRole("button", { name: "Settings of this conversation" }).click();
  await page.getByRole("button", { name: "Second answer" }).click();
  await page.getByLabel("System prompt").fill("Be the right one.");
  const sent = [];
  page.on("request", (request) => request.url().endsWith("/v1/chat/completions") && sent.push(request.postDataJSON()));
  await question(page).fill("hello");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "The first is better" }).waitFor();
  assert.equal(sent.length, 2);
  assert.ok(!sent[0].messages.some((message) => message.role === "system"));
  assert.equal(sent[1].messages[0].content, "Be the right one.");
});

page_test("on a phone the answers stand below each other", { viewport: kPhone }, async (page) => {
  await ask_both(page, "Which moon is largest?");
  const [first, second] = [await answers(page).nth(0).boundingBox(), await answers(page).nth(1).boundingBox()];
  assert.ok(second.y >= first.y + first.height - 1);
  assert.ok(first.width > 300);
  await picture(page, "compare-phone");
});
