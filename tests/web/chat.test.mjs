// Asking: answers, stopping, errors, reload, editing and branches.

import assert from "node:assert/strict";
import { answers, ask, base, kPhone, page_test, picture, question, until } from "./browser.mjs";

const last_text = (page) => page.locator(".answer").last().locator(".prose").innerText();

page_test("a question is answered, stored and listed", {}, async (page) => {
  await picture(page, "welcome");
  await ask(page, "How do planets move?");
  assert.ok((await last_text(page)).length > 0);
  assert.match(await page.locator(".answer .numbers").innerText(), /\d+ tokens/);
  await page.locator("#sidebar li").filter({ hasText: "How do planets move?" }).first().waitFor();
  await picture(page, "chat");
});
