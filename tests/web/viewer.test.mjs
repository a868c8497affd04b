// `orrery scene view` in a browser: what it draws, compared with plain loops; how it is used.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { axe_source, filtered_test, kPhone, on_page, picture as keep_picture, until } from "./browser.mjs";
import { ply, random_ply, rendered } from "./gaussians.mjs";

const kProgram = process.env.ORRERY_PROGRAM;
const folder = mkdtempSync(join(tmpdir(), "orrery-viewer-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const kIdentity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const kView = { width: 64, height: 48, fx: 50, fy: 50, cx: 32, cy: 24, camera_from_world: kIdentity };
/** Turned by 30 degrees about y and moved; another focal length each way, and a principal point that is not in the middle. */
const kAskew = {
  width: 80, height: 50, fx: 60, fy: 45, cx: 33.25, cy: 28.5,
  camera_from_world: [Math.cos(0.5), 0, Math.sin(0.5), -1.5, 0, 1, 0, 0.2, -Math.sin(0.5), 0, Math.cos(0.5), 1, 0, 0, 0, 1],
}; // prettier-ignore
const kFour = [
  { at: [0, 0, 4], colour: [1, 0, 0], opacity: 0.95, size: 0.15 },
  { at: [-1, 0, 4], colour: [0, 1, 0], opacity: 0.95, size: 0.15 },
  { at: [1, 0.5, 5], colour: [0, 0, 1], opacity: 0.95, size: 0.2 },
  { at: [0.1, -0.1, 5.5], colour: [1, 1, 0], opacity: 0.5, size: 0.5 },
];

function file(name, bytes) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** cameras.json of views that have names, as a run has it. */
function cameras_file(name, views) {
  const list = views.map(({ name, width, height, fx, fy, cx, cy, camera_from_world: m, photo }, id) => ({ id, img_name: name, width, height, fx, fy, cx, cy, photo, position: [0, 1, 2].map((k) => -(m[k] * m[3] + m[4 + k] * m[7] + m[8 + k] * m[11])), rotation: [0, 1, 2].map((k) => [m[k], m[4 + k], m[8 + k]]) })); // prettier-ignore
  return file(name, JSON.stringify(list));
}

/** Runs `body` with the address at which the program serves. */
async function viewing(words, body) {
  const program = spawn(kProgram, ["scene", "view", ...words, "--no-browser"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await new Promise((resolve, reject) => {
      program.stdout.once("data", (text) => resolve(String(text).trim()));
      program.once("exit", (code) => reject(new Error(`the program ended with ${code}`)));
    });
    await body(address);
  } finally {
    program.kill("SIGINT");
    await new Promise((resolve) => program.once("close", resolve));
  }
}

/** A test on a page that shows a scene; `body(page, context)` starts when it is loaded. */
function scene_test(name, { gaussians = kFour, words = [], hash = "", ...options }, body) {
  filtered_test(name, {}, async () => {
    const scene = file(name.replace(/\W+/g, "_") + ".ply", ply(gaussians));
    await viewing([scene, ...words], (address) =>
      on_page(address + hash, options, async (page, context) => {
        await loaded(page);
        await body(page, context, scene);
      }),
    );
  });
}

async function loaded(page) {
  await page.waitForFunction(() => window.orrery !== undefined);
  await page.evaluate(() => window.orrery.ready);
}

const picture = (page, view = kView) => page.evaluate(async (asked) => Array.from(await window.orrery.picture(asked)), view);

/** Fails where a pixel differs by more than `most` levels of 255, and says which. */
function assert_same(drawn, expected, view, most) {
  let [worst, at] = [0, 0];
  for (let pixel = 0; pixel < view.width * view.height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const difference = Math.abs(drawn[4 * pixel + channel] - expected[3 * pixel + channel]);
      if (difference > worst) [worst, at] = [difference, pixel];
    }
  }
  const [column, row] = [at % view.width, Math.floor(at / view.width)];
  assert.ok(worst <= most, `pixel ${column}, ${row}: ${drawn.slice(4 * at, 4 * at + 3)} instead of ${[...expected.slice(3 * at, 3 * at + 3)].map((value) => value.toFixed(1))}`);
}

/** Rounding to bytes at each of up to four layers, and Spark's half floats for colour, size and opacity. */
const kLevels = 3;

scene_test("draws every pixel as the equations say", {}, async (page) => {
  assert_same(await picture(page), rendered(kFour, kView), kView, kLevels);
});

scene_test("draws for any pinhole camera", {}, async (page) => {
  assert_same(await picture(page, kAskew), rendered(kFour, kAskew), kAskew, kLevels);
});

const kColoured = [{ ...kFour[0], colour: [0.5, 0.5, 0.5], sh1: [[0, 0, 0], [0.6, 0, -0.6], [0, 0.5, 0]] }, kFour[1]]; // prettier-ignore
scene_test("colours depend on the direction, as far as the slider lets them", { gaussians: kColoured }, async (page) => {
  assert_same(await picture(page, kAskew), rendered(kColoured, kAskew), kAskew, kLevels);
  await page.getByRole("slider", { name: /Harmonics/ }).fill("0");
  const flat = kColoured.map(({ sh1, ...gaussian }) => gaussian);
  assert_same(await picture(page, kAskew), rendered(flat, kAskew), kAskew, kLevels);
});

scene_test("background and size can be set", {}, async (page) => {
  await page.getByLabel("Background").fill("#3080ff");
  await page.getByRole("slider", { name: /Size/ }).fill("0.5");
  const half = kFour.map((gaussian) => ({ ...gaussian, size: gaussian.size / 2 }));
  assert_same(await picture(page), rendered(half, kView, [0x30 / 255, 0x80 / 255, 1]), kView, kLevels);
});

scene_test("the crop box hides what lies outside, and says its numbers", {}, async (page) => {
  for (const [label, value] of [["x from", -0.5], ["x to", 0.5], ["y from", -1], ["y to", 1], ["z from", 3.5], ["z to", 4.5]]) await page.getByLabel(label).fill(String(value)); // prettier-ignore
  assert_same(await picture(page), rendered(kFour, kView), kView, kLevels);
  await page.getByRole("checkbox", { name: "Hide what lies outside" }).check();
  assert_same(await picture(page), rendered([kFour[0]], kView), kView, kLevels);
  assert.equal(await page.getByRole("textbox", { name: "For orrery scene convert" }).first().inputValue(), "--crop -0.5,-1,3.5,0.5,1,4.5");
});

const kMany = Array.from({ length: 14_400 }, (_, i) => ({ at: [(i % 120) / 30 - 2, Math.floor(i / 120) / 30 - 2, 4], colour: [0.8, 0.4, 0.2], opacity: 0.9, size: 0.025 })); // prettier-ignore
scene_test("coarser levels look alike", { gaussians: kMany, viewport: { width: 850, height: 200 } }, async (page) => {
  const all = await picture(page);
  await page.getByRole("slider", { name: "Gaussians in a picture" }).fill("0");
  await until("the levels are made", async () => (await page.locator("#status").textContent()) === "");
  const fewer = await picture(page);
  const mean = (pixels, channel) => pixels.filter((_, i) => i % 4 === channel).reduce((sum, value) => sum + value, 0) / (pixels.length / 4);
  assert.ok(mean(all, 0) > 100);
  for (const channel of [0, 1, 2]) assert.ok(Math.abs(mean(all, channel) - mean(fewer, channel)) < 10, `${mean(all, channel)} and ${mean(fewer, channel)}`);
  assert.ok(all.some((value, i) => value !== fewer[i]), "something has changed");
});

const kHard = kFour.slice(0, 2).map((gaussian) => ({ ...gaussian, size: 0.05 }));
scene_test("measures between two places", { gaussians: kHard, hash: "#view=" + encodeURIComponent(JSON.stringify(kView)) }, async (page) => {
  await page.keyboard.press("b");
  await page.keyboard.press("m");
  const lens = await page.evaluate(() => window.orrery.view());
  for (const { at } of kHard) await page.mouse.click((lens.fx * at[0]) / at[2] + lens.cx, (lens.fy * at[1]) / at[2] + lens.cy);
  await page.keyboard.press("b");
  const text = await page.locator("#panel [role=status]").textContent();
  const distance = Number(/[\d.]+/.exec(text)?.[0]);
  assert.ok(Math.abs(distance - 1) < 0.05, text);
});

scene_test("moves by keys, mouse and wheel", { hash: "#view=" + encodeURIComponent(JSON.stringify(kView)) }, async (page) => {
  const pose = () => page.evaluate(() => window.orrery.view().camera_from_world);
  assert.deepEqual((await pose()).map((value) => Math.round(1e6 * value) / 1e6 + 0), kIdentity);
  await page.locator("#stage").focus();
  await page.keyboard.down("w");
  await until("W walks forward", async () => (await pose())[11] < -0.05);
  await page.keyboard.up("w");
  await page.keyboard.press("r");
  assert.ok(Math.abs((await pose())[11]) < 1e-6, "R goes back");
  await page.mouse.move(300, 500);
  await page.mouse.down();
  await page.mouse.move(400, 500, { steps: 3 });
  await page.mouse.up();
  const turned = await pose();
  assert.ok(Math.abs(turned[2]) > 0.2, "a drag turns");
  await page.mouse.wheel(0, -300);
  await until("the wheel comes nearer", async () => (await pose()).some((value, i) => Math.abs(value - turned[i]) > 0.05));
});

filtered_test("a run's scene is shown as it grows", {}, async () => {
  const scene = file("scene.ply", ply(kFour.slice(0, 1)));
  await viewing([folder], (address) =>
    on_page(address, {}, async (page) => {
      await loaded(page);
      await page.getByText("1 Gaussians").waitFor();
      writeFileSync(scene, ply(kFour));
      await page.getByText("4 Gaussians").waitFor();
      assert_same(await picture(page), rendered(kFour, kView), kView, kLevels);
    }),
  );
  rmSync(scene);
});

filtered_test("no other site reaches it", {}, async () => {
  const scene = file("private.ply", ply(kFour));
  const status = (address, headers) => new Promise((resolve, reject) => get(address + "api/scene/info", { headers }, (response) => resolve(response.resume().statusCode)).on("error", reject));
  await viewing([scene], async (address) => {
    assert.equal(await status(address, {}), 200);
    assert.equal(await status(address, { host: "elsewhere.example" }), 403);
  });
});

filtered_test("every format shows the same scene", {}, async () => {
  const scene = file("formats.ply", ply(kFour));
  for (const name of ["formats.compressed.ply", "formats.splat", "formats.spz", "formats.ksplat", "formats.sog"]) {
    const path = join(folder, name);
    await promisify(execFile)(kProgram, ["scene", "convert", scene, path]);
    await viewing([path], (address) =>
      on_page(address, {}, async (page) => {
        await loaded(page);
        assert_same(await picture(page), rendered(kFour, kView), kView, 12); // bytes of size and colour
      }),
    );
  }
});

/** How far a PNG file's picture is from another's: each channel's mean difference in levels of 255, and PSNR in dB. The page decodes them. */
function difference(page, files) {
  const read = files.map((path) => readFileSync(path, "base64"));
  return page.evaluate(async (read) => {
    const [a, b] = await Promise.all(read.map(async (text) => {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }), { colorSpaceConversion: "none" });
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, bitmap.width, bitmap.height);
    })); // prettier-ignore
    const [means, pixels] = [[0, 0, 0], a.width * a.height];
    let squares = 0;
    for (let i = 0; i < a.data.length; i++) {
      if (i % 4 === 3) continue;
      const apart = a.data[i] - b.data[i];
      means[i % 4] += Math.abs(apart) / pixels;
      squares += (apart * apart) / (3 * pixels);
    }
    return { sizes: [a, b].map(({ width, height }) => `${width}x${height}`), means, psnr: 10 * Math.log10(255 ** 2 / squares) };
  }, read);
}

const kPage = { width: 320, height: 240 };
const kSeen = [
  { ...kPage, fx: 270, fy: 270, cx: 160, cy: 120, camera_from_world: kIdentity, name: "ahead" },
  { ...kAskew, ...kPage, fx: 250, fy: 240, cx: 167.5, cy: 114.25, name: "askew" },
];
/**
 * Found were 0.23 levels and 54.4 dB ahead, 0.16 and 56.1 askew: what the page gets has fewer bits (docs/scenes-view.md), and it rounds to bytes at
 * each layer. What is wrong is at least so far away: a principal point that is off by a tenth of a pixel 0.41 and 48.6, by two pixels 7.1 and 24.3;
 * harmonics of one degree less 2.9 and 31.3; opacities as in an antialiased scene 0.85 and 42.6.
 */
const kClose = { mean: 0.35, psnr: 51 };

filtered_test("the page shows what orrery scene render draws", {}, async () => {
  const scene = file("random.ply", random_ply(500));
  const cameras = cameras_file("seen.json", kSeen);
  const drawn = (degree, name) => join(folder, "drawn" + degree, name + ".png");
  for (const degree of ["3", "2"]) {
    const out = join(folder, "drawn" + degree);
    await promisify(execFile)(kProgram, ["scene", "render", scene, "--cameras", cameras, "--sh-degree", degree, "--out", out, "--quiet"]);
  }
  await viewing([scene, "--cameras", cameras], (address) =>
    on_page(address, { viewport: kPage }, async (page) => {
      await loaded(page);
      await page.keyboard.press("b");
      for (const degree of ["3", "2"]) {
        await page.getByRole("slider", { name: /Harmonics/ }).fill(degree);
        await page.locator("#stage").focus();
        for (const { name } of kSeen) {
          const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("i")]);
          const { sizes, means, psnr } = await difference(page, [await download.path(), drawn(degree, name)]);
          const found = `${name}, degree ${degree}: ${means.map((mean) => mean.toFixed(2))} levels, ${psnr.toFixed(1)} dB`;
          assert.deepEqual(sizes, ["320x240", "320x240"]);
          assert.ok(Math.max(...means) < kClose.mean && psnr > kClose.psnr, found);
          await page.keyboard.press("]");
        }
      }
      const { psnr } = await difference(page, [drawn("3", "ahead"), drawn("2", "ahead")]);
      assert.ok(psnr < kClose.psnr - 10, `harmonics of degree 3 are seen: ${psnr} dB`);
    }),
  );
});

filtered_test("an exported page works from a disk", {}, async () => {
  const scene = file("exported.ply", ply(kFour));
  const page_file = join(folder, "exported.html");
  await promisify(execFile)(kProgram, ["scene", "view", scene, "--export", page_file]);
  assert.match(readFileSync(page_file, "utf8"), /Copyright 2010-2025 three\.js authors/);
  await on_page(String(pathToFileURL(page_file)), {}, async (page) => {
    await loaded(page);
    assert_same(await picture(page), rendered(kFour, kView), kView, 12); // .spz has bytes of size and colour
    assert_same(await picture(page, kAskew), rendered(kFour, kAskew), kAskew, 12);
  });
});

filtered_test("cameras show their photos, and how far the picture is from them", {}, async () => {
  const scene = file("photographed.ply", ply(kFour));
  const photo = join(folder, "photo.png");
  const views = [{ ...kView, name: "first" }, { ...kAskew, name: "second", photo: "photo.png" }];
  writeFileSync(photo, Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64"));
  const cameras = cameras_file("cameras.json", views);
  await viewing([scene, "--cameras", cameras], (address) =>
    on_page(address, {}, async (page) => {
      await loaded(page);
      const camera = page.getByRole("combobox", { name: "Camera" });
      assert.equal(await camera.inputValue(), "0", "the first camera's view at the start");
      await page.keyboard.press("]");
      assert.equal(await camera.inputValue(), "1");
      const seen = await page.evaluate(() => window.orrery.view().camera_from_world);
      seen.forEach((value, i) => assert.ok(Math.abs(value - kAskew.camera_from_world[i]) < 1e-5));
      const [drawn] = await Promise.all([picture(page, kAskew), page.getByLabel("Show the cameras").check()]);
      assert_same(drawn, rendered(kFour, kAskew), kAskew, kLevels);
      await page.getByRole("combobox", { name: "Over the picture" }).selectOption("difference");
      const heat = await page.locator("canvas.photo").evaluateHandle((canvas) => canvas);
      await until("the differences are drawn", () => heat.evaluate((canvas) => canvas.width > 1 && canvas.getContext("2d").getImageData(40, 25, 1, 1).data[3] === 255));
      await keep_picture(page, "viewer-difference");
      await page.mouse.move(300, 600);
      await page.mouse.down();
      await page.mouse.move(340, 600);
      await page.mouse.up();
      assert.equal(await camera.inputValue(), "", "moving on leaves the camera");
    }),
  );
});

for (const [name, viewport] of [["desktop", undefined], ["phone", kPhone]]) {
  scene_test(`is accessible and fits: ${name}`, viewport ? { viewport, hasTouch: true } : {}, async (page) => {
    if (viewport) await page.getByRole("button", { name: "Show or hide the panel" }).click();
    await page.keyboard.press("?");
    await keep_picture(page, "viewer-" + name);
    await page.evaluate(axe_source);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")), []); // prettier-ignore
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the screen");
  });
}

scene_test("speaks Chinese", { locale: "zh-CN" }, async (page) => {
  await page.getByText("4 个高斯").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByText("4 Gaussians").waitFor();
});

scene_test("saves a picture", {}, async (page) => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("i")]);
  assert.match(download.suggestedFilename(), /\.png$/);
  assert.equal(readFileSync(await download.path()).subarray(1, 4).toString(), "PNG");
});
