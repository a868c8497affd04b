// A browser, and pages that notice what must never happen: errors in the console, refused content, requests to other hosts.

import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import { after, test } from "node:test";

const require = createRequire(process.env.ORRERY_WEB_MODULES + "/package.json");
const { chromium } = require("playwright-core");
export const axe_source = require("axe-core").source;

export const base = process.env.ORRERY_BASE_URL;
export const stand_in = process.env.ORRERY_STAND_IN === "1";
const filter = new RegExp(process.env.ORRERY_TEST_FILTER ?? "");
const pictures = process.env.ORRERY_SCREENSHOTS;
if (pictures) mkdirSync(pictures, { recursive: true });

export const kDesktop = { width: 1280, height: 820 };
export const kPhone = { width: 390, height: 844 };
const kMostTokens = 40;
const kPatience = Number(process.env.ORRERY_PATIENCE_MS ?? 15_000);

let browser = null;
// The viewer's WebGL is computed in software, everywhere the same. (It comes with a program, the studio with an address.)
const kArguments = ["--no-sandbox", ...(process.env.ORRERY_PROGRAM ? ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] : [])];
const launched = () => (browser ??= chromium.launch({ executablePath: process.env.ORRERY_CHROMIUM, args: kArguments }));
after(async () => (await browser)?.close());

/** What a console may say: a refused call, which the page then reports in words, is also printed by the browser itself. */
const kExpected = /Failed to load resource: the server responded with a status of (4|5)\d\d|net::ERR_(INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|INTERNET_DISCONNECTED|FAILED|CONNECTION)/;

/** A page of a fresh browser profile; fails where it does what it must not. options: Playwright's context options; `prepare`: of the context. */
export async function on_page(address, options, body, prepare = () => {}) {
  const context = await (await launched()).newContext({ viewport: kDesktop, locale: "en-GB", colorScheme: "light", acceptDownloads: true, ...options });
  context.setDefaultTimeout(kPatience);
  const wrong = [];
  await prepare(context);
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (["http:", "https:"].includes(url.protocol) && url.origin !== new URL(address).origin) wrong.push("request to " + url.origin);
  });
  context.on("console", (message) => {
    if (message.type() === "error" && !kExpected.test(message.text())) wrong.push(message.text());
  });
  context.on("weberror", (error) => wrong.push(String(error.error())));
  context.on("dialog", (dialog) => {
    wrong.push("dialog: " + dialog.message());
    void dialog.dismiss();
  });
  try {
    const page = await context.newPage();
    await page.goto(address);
    await body(page, context);
    assert.deepEqual(wrong, [], "the page did what it must not");
  } finally {
    await context.close();
  }
}

/** One test, unless the filter leaves it out. */
export function filtered_test(name, options, body) {
  if (filter.test(name)) test(name, options, body);
}

/**
 * One test of the studio. options: Playwright's context options; `path`: where it starts; `only_stand_in`: needs what only the stand-in
 * server does.
 */
export function page_test(name, options, body) {
  const { path = "/", only_stand_in = false, key, ...context_options } = options;
  filtered_test(name, { skip: only_stand_in && !stand_in && "needs the stand-in server" }, () =>
    on_page(base + path, context_options, body, async (context) => {
      const secret = key ?? process.env.ORRERY_KEY;
      if (secret) await context.addInitScript((value) => sessionStorage.setItem("orrery.key", value), secret);
      // A small model may write on and on; what it says is not what is tested.
      if (!stand_in) await context.route("**/v1/chat/completions", (route) => route.continue({ postData: JSON.stringify({ max_tokens: kMostTokens, ...route.request().postDataJSON() }) }));
    }),
  );
}

export async function picture(page, name) {
  if (pictures) await page.screenshot({ path: join(pictures, name + ".png"), animations: "disabled" });
}

export const question = (page) => page.getByRole("textbox", { name: /^(Your question|你的问题)$/ });
export const answers = (page) => page.locator(".answer");
export const finished = (page) => page.locator(".answer:not(.live)");

/** Asks, and waits until the answer is there. */
export async function ask(page, text) {
  const before = await page.locator(".question").count();
  await question(page).fill(text);
  await page.keyboard.press("Control+Enter");
  await page.locator(".question").nth(before).waitFor();
  await page.locator(".thread > .answer:last-child:not(.live), .thread > .pair:last-child .vote button:first-child").waitFor({ state: "attached" });
}

/** Waits until a condition holds; the message says what was awaited. */
export async function until(what, condition, patience = kPatience) {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail("did not happen: " + what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
