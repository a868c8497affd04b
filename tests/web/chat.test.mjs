// Asking: answers, stopping, errors, reload, editing and branches.

import assert from "node:assert/strict";
import { answers, ask, base, finished, page_test, picture, question, until } from "./browser.mjs";

const last_text = (page) => page.locator(".answer").last().locator(".prose").innerText();
const stored = async (page) => (await (await page.request.get(`${base}/api/studio/conversations/${new URL(page.url()).hash.slice(3)}`)).json());

page_test("a question is answered, stored and listed", {}, async (page) => {
  await picture(page, "welcome");
  await ask(page, "How do planets move?");
  assert.ok((await last_text(page)).length > 0);
  assert.match(await page.locator(".answer .numbers").innerText(), /\d+ tokens/);
  await page.locator("#sidebar li").filter({ hasText: "How do planets move?" }).first().waitFor();
  await picture(page, "chat");
});

page_test("the model is given the conversation so far, system prompt and sampling", { only_stand_in: true }, async (page) => {
  await page.getByRole("button", { name: "Settings of this conversation" }).click();
  await page.getByLabel("System prompt").fill("Be brief.");
  await page.getByLabel("Temperature").fill("0.25");
  await page.getByLabel("Stop at").fill("END\nFIN");
  await page.getByLabel("Seed").fill("7");
  await picture(page, "settings");
  const sent = [];
  page.on("request", (request) => request.url().endsWith("/v1/chat/completions") && sent.push(request.postDataJSON()));
  await ask(page, "first");
  await ask(page, "second");
  assert.deepEqual(sent[1].messages.map((message) => message.role), ["system", "user", "assistant", "user"]);
  assert.equal(sent[1].messages[0].content, "Be brief.");
  assert.equal(sent[1].temperature, 0.25);
  assert.equal(sent[1].seed, 7);
  assert.deepEqual(sent[1].stop, ["END", "FIN"]);
  assert.ok(!("top_k" in sent[1]), "an empty field is left to the server");
  assert.equal((await stored(page)).settings.system, "Be brief.");
  await page.reload();
  await finished(page).nth(1).waitFor();
  await page.getByRole("button", { name: "Settings of this conversation" }).click();
  assert.equal(await page.getByLabel("Temperature").inputValue(), "0.25");
  await page.getByLabel("Temperature").fill("9");
  await page.getByText("From 0 to 2.").waitFor();
  assert.equal(await page.getByLabel("Temperature").getAttribute("aria-invalid"), "true");
});

page_test("Escape stops an answer and keeps what came", { only_stand_in: true }, async (page) => {
  await question(page).fill("slow one");
  await page.keyboard.press("Enter");
  await page.locator(".answer .prose").getByText("word2").waitFor();
  await picture(page, "streaming");
  await page.keyboard.press("Escape");
  await page.getByText("Stopped.").waitFor();
  const text = await last_text(page);
  assert.match(text, /^word0 word1 word2/);
  await until("the stored answer is what is shown", async () => {
    const { messages } = await stored(page);
    return messages[1].finish === "cancelled" && messages[1].content.trim() === text.trim();
  });
});

page_test("a refusal is shown where it happened, and can be tried again", { only_stand_in: true }, async (page) => {
  await ask(page, "fail once please");
  await page.locator(".status").getByText("No answer: the model is still loading").waitFor();
  await picture(page, "error");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".prose").getByText("Here I am.").waitFor();
  await page.getByText("2/2").waitFor();
  await ask(page, "error 429");
  await page.locator(".status").getByText("(try again in 7 s)").waitFor();
  const { messages } = await stored(page);
  assert.equal(messages.at(-1).finish, "error");
  await page.reload();
  await page.locator(".status").getByText("(try again in 7 s)").waitFor();
});

page_test("an answer that breaks off keeps what came", { only_stand_in: true }, async (page) => {
  await question(page).fill("break it");
  await page.keyboard.press("Enter");
  await page.locator(".answer .prose").getByText("word9").waitFor();
  await page.request.post(base + "/dev/break");
  await page.locator(".status").getByText("The answer broke off: the connection broke off").waitFor();
  await picture(page, "broken-off");
  assert.match(await last_text(page), /^word0 .*word9$/);
  await until("it is stored so", async () => (await stored(page)).messages.at(-1).finish === "error");
});

page_test("history outlasts a reload; the address opens the conversation", {}, async (page) => {
  await ask(page, "Remember this question");
  const text = await last_text(page);
  const url = page.url();
  await page.reload();
  await page.locator(".question").getByText("Remember this question").waitFor();
  assert.equal(await last_text(page), text);
  await page.goto(base + "/");
  await page.locator("#sidebar a").filter({ hasText: "Remember this question" }).first().click();
  await page.locator(".question").getByText("Remember this question").waitFor();
  assert.equal(page.url(), url);
  await page.goBack();
  await page.locator(".welcome").waitFor();
});

page_test("a reload in mid-answer keeps what came and says so", { only_stand_in: true }, async (page) => {
  await question(page).fill("slow answer");
  await page.keyboard.press("Enter");
  await page.locator(".answer .prose").getByText("word4").waitFor();
  await page.reload();
  await page.getByText("The answer was interrupted").waitFor();
  assert.match(await last_text(page), /^word0 word1 word2 word3 word4/);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".branches").getByText("2/2").waitFor();
  await page.locator(".answer.live").waitFor();
});

page_test("an edited question is a branch; arrows switch between branches", { only_stand_in: true }, async (page) => {
  await ask(page, "say:first answer");
  await ask(page, "say:follow-up");
  await page.locator(".question").first().hover();
  await page.locator(".question").first().getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Edit your question").fill("say:second answer");
  await picture(page, "edit");
  await page.getByRole("button", { name: "Send as a new branch" }).click();
  await page.locator(".answer .prose").getByText("second answer").waitFor();
  await finished(page).first().waitFor();
  assert.equal(await answers(page).count(), 1);
  await page.locator(".question .branches").getByText("2/2").waitFor();
  await page.getByRole("button", { name: "Previous version" }).click();
  await page.locator(".answer .prose").getByText("follow-up").waitFor();
  assert.equal(await answers(page).count(), 2);
  await page.reload();
  await page.locator(".answer .prose").getByText("follow-up").waitFor();
  await page.getByRole("button", { name: "Next version" }).click();
  await page.locator(".answer .prose").getByText("second answer").waitFor();
  await page.locator(".answer").getByRole("button", { name: "Answer again" }).click();
  await page.locator(".answer .branches").getByText("2/2").waitFor();
  const { messages, head } = await stored(page);
  assert.equal(messages.length, 7);
  assert.equal(messages.at(-1).id, head);
});

page_test("two windows show the same answer grow", { only_stand_in: true }, async (page, context) => {
  await question(page).fill("slow for two");
  await page.keyboard.press("Enter");
  await page.locator(".answer .prose").getByText("word3").waitFor();
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByText("Being written in another window").waitFor();
  await other.locator(".answer .prose").getByText("word15").waitFor();
  await page.keyboard.press("Escape");
  await other.getByText("Stopped.").waitFor();
  await until("both show the same", async () => (await last_text(page)).trim() === (await last_text(other)).trim());
});

page_test("while the store fails, nothing is lost", { only_stand_in: true }, async (page) => {
  const outage = (on) => page.request.post(base + "/dev/outage", { data: { on } });
  await ask(page, "before the outage");
  await outage(true);
  try {
    await ask(page, "during the outage");
    await page.getByText(/changes are not stored yet: the database does not answer/).waitFor();
    await picture(page, "outage");
    await page.reload();
    await page.getByText("The conversation could not be opened: the database does not answer").waitFor();
  } finally {
    await outage(false);
  }
  await page.locator(".banner").getByRole("button", { name: "Try now" }).click();
  await page.locator(".banner").waitFor({ state: "hidden" });
  await page.locator("main").getByRole("button", { name: "Try again" }).click();
  await page.locator(".question").getByText("during the outage").waitFor();
  await page.locator(".answer").getByText("You said: during the outage").waitFor();
  const { messages } = await stored(page);
  assert.deepEqual(messages.map((message) => message.role), ["user", "assistant", "user", "assistant"]);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("unsaved")).length), 0);
});

page_test("a question that is sent before the server answers waits for it", { only_stand_in: true }, async (page) => {
  let let_go;
  const waiting = new Promise((resolve) => (let_go = resolve));
  await page.route("**/api/studio/info", async (route) => {
    await waiting;
    await route.continue();
  });
  await page.reload();
  await question(page).fill("say:patience");
  await page.keyboard.press("Enter");
  await page.getByText("Your question is sent as soon as it does.").waitFor();
  let_go();
  await page.locator(".answer .prose").getByText("patience").waitFor();
});
