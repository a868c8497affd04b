// Documents and pictures in a question.

import assert from "node:assert/strict";
import { ask, page_test, picture, question } from "./browser.mjs";

/** A PDF of one page that shows one line of text. */
function pdf(text) {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length + 39} >>\nstream\nBT /F1 24 Tf 72 700 Td (${text}) Tj ET\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const at = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return String(at).padStart(10, "0") + " 00000 n \n";
  });
  const at = body.length;
  return `${body}xref\n0 6\n0000000000 65535 f \n${offsets.join("")}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`;
}

async function drop(page, name, type, content) {
  const transfer = await page.evaluateHandle(
    ([name, type, bytes]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
      return transfer;
    },
    [name, type, [...Buffer.from(content, "latin1")]],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await page.locator(".veil").waitFor();
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

page_test("a dropped PDF becomes cited text", {}, async (page) => {
  await drop(page, "orbits.pdf", "application/pdf", pdf("Mars needs 687 days"));
  await page.locator(".composer .chip").getByText("orbits.pdf").waitFor();
  await page.locator(".composer .chip:not(.pulse)").waitFor();
  await picture(page, "file");
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/chat/completions"));
  await ask(page, "How long does Mars need?");
  const { messages } = (await sent).postDataJSON();
  assert.match(messages[0].content, /^\[orbits\.pdf, page 1\]\nMars needs 687 days\s+How long does Mars need\?$/);
  const chip = page.locator(".question .chip");
  await chip.locator("summary").click();
  await chip.locator("pre").getByText("Mars needs 687 days").waitFor();
  assert.equal(await page.locator(".question-text").innerText(), "How long does Mars need?");
  await page.reload();
  await page.locator(".question .chip summary").getByText("orbits.pdf").waitFor();
  await picture(page, "file-sent");
});

page_test("a text file is named, even where it is the only one", { only_stand_in: true }, async (page) => {
  await drop(page, "notes.md", "text/markdown", "# Notes\nVenus turns backwards.");
  await page.locator(".composer .chip:not(.pulse)").waitFor();
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/chat/completions"));
  await ask(page, "Summarise");
  assert.equal((await sent).postDataJSON().messages[0].content, "[notes.md]\n# Notes\nVenus turns backwards.\n\nSummarise");
});

page_test("what cannot be read is refused in words", {}, async (page) => {
  await drop(page, "program.bin", "application/octet-stream", "\u0000\u0001\u0002\u0000ELF");
  await page.locator(".toast").getByText("program.bin").waitFor();
  assert.equal(await page.locator(".composer .chip").count(), 0);
});

page_test("files that are too large are refused before they are sent", { only_stand_in: true }, async (page) => {
  await page.route("**/api/studio/info", async (route) => {
    const info = await (await route.fetch()).json();
    await route.fulfill({ json: { ...info, limits: { body_bytes: 2048, image_bytes: 1024 } } });
  });
  await page.reload();
  await page.locator("select.model:enabled").first().waitFor();
  await drop(page, "huge.txt", "text/plain", "x".repeat(2049));
  await page.getByText("“huge.txt” has 3 KB; the server takes up to 2 KB.").waitFor();
});

page_test("pictures go only to models that see them", { only_stand_in: true }, async (page) => {
  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64").toString("latin1");
  await drop(page, "moon.png", "image/png", png);
  await page.getByText("echo sees no pictures").waitFor();
  await question(page).fill("What is it?");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".question").count(), 0);
  await page.getByLabel("Model").first().selectOption("echo-eyes");
  const sent = page.waitForRequest((request) => request.url().endsWith("/v1/chat/completions"));
  await ask(page, "What is it?");
  const { content } = (await sent).postDataJSON().messages[0];
  assert.deepEqual(content.map((part) => part.type), ["image_url", "text"]);
  assert.match(content[0].image_url.url, /^data:image\/png;base64,/);
  await page.locator(".question img").waitFor();
});
