// The viewer of Gaussian scenes: builds the page and joins its parts.

import { Vector3 } from "three";
import { next_theme } from "../studio/appearance";
import { h, icon_button } from "../studio/dom";
import { language, number, set_language } from "../studio/i18n";
import { read, write } from "../studio/preferences";
import { Controls, type Mode } from "./controls";
import { Crop } from "./crop";
import { Frusta } from "./frusta";
import { Gaussians } from "./gaussians";
import { publish } from "./hook";
import { t } from "./i18n";
import { Measure } from "./measure";
import { panel, type Panel } from "./panel";
import { Photo, type Overlay } from "./photo";
import { eye_of, up_vector, type Side, type Up } from "./places";
import { listen_to_keys } from "./shortcuts";
import { source } from "./source";
import { Stage } from "./stage";
import type { Info, View } from "./types";
import { camera_from_world, checked_view, kFreeLens, place } from "./view";

const kLookAgain = 2000;
const kClickPixels = 4;
const kBlack = "#000000";

class Viewer {
  private readonly stage: Stage;
  private readonly controls: Controls;
  private readonly measure: Measure;
  private readonly crop: Crop;
  private readonly frusta: Frusta;
  private readonly photo: Photo;
  private readonly status = h("div", { id: "status", role: "status" });
  private readonly counted = h("span", { class: "note" });
  private view_panel!: Panel;
  private up: Up;
  private chosen: number | null = null;
  private overlay: Overlay = "off";
  private budget: number | null = null;
  private sh_degree: number;
  private size = 1;
  private loading = false;

  constructor(
    canvas: HTMLCanvasElement,
    private info: Info,
  ) {
    this.stage = new Stage(canvas);
    this.controls = new Controls(this.stage, () => this.leave_camera());
    this.measure = new Measure(this.stage, () => this.say_measure());
    this.crop = new Crop(this.stage, info.box);
    this.frusta = new Frusta(info.cameras, info.radius, () => this.stage.request());
    this.photo = new Photo(this.stage);
    this.stage.extras.add(this.frusta.group);
    this.stage.before_draw = () => this.photo.lay_out();
    this.stage.radius = info.radius;
    this.stage.set_background(read("scene.background") ?? kBlack);
    this.sh_degree = info.sh_degree;
    this.up = info.cameras.length > 0 ? "cameras" : "-y";
    this.listen(canvas);
  }

  async start(): Promise<void> {
    this.build();
    this.set_up(this.up);
    this.first_view();
    if (this.info.live) setInterval(() => void this.look_again(), kLookAgain);
    await this.load(this.info);
  }

  /** The page around the canvas, again for another language. */
  build(): void {
    document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
    document.title = this.info.name + " · Orrery";
    const { canvas } = this.stage;
    canvas.setAttribute("aria-label", t("canvas"));
    this.view_panel = panel(
      this.info,
      { background: read("scene.background") ?? kBlack, up: this.up, sh_degree: this.sh_degree, size: this.size, budget: this.budget, box: this.crop.box },
      {
        side: (side) => this.show_side(side),
        up: (up) => (this.set_up(up), this.show_side("front")),
        link: () => this.link(),
        screenshot: () => void this.screenshot(),
        background: (colour) => (write("scene.background", colour), this.stage.set_background(colour)),
        sh_degree: (degree) => this.set_sh_degree(degree),
        size: (factor) => this.set_size(factor),
        budget: (count) => this.set_budget(count),
        cameras: (show) => this.frusta.show(show),
        camera: (index) => this.choose(index),
        overlay: (overlay) => this.set_overlay(overlay),
        crop: (on) => this.set_crop(on),
        crop_face: (axis, end, value) => (this.crop.set(axis, end, value), this.say_crop()),
        measure: (on) => this.measure.toggle(on),
      },
    );
    const mode = (name: Mode, label: "orbit" | "walk") => icon_button(name, t(label), () => this.set_mode(name), { id: "mode-" + name, "aria-pressed": String(this.controls.mode === name) });
    const tools = h(
      "nav",
      { id: "tools" },
      mode("orbit", "orbit"),
      mode("walk", "walk"),
      icon_button("home", t("reset"), () => this.first_view()),
      icon_button("camera", t("screenshot"), () => void this.screenshot()),
      icon_button("auto", t("theme"), () => void next_theme()),
      icon_button("globe", t("language"), () => (set_language(language() === "zh" ? "en" : "zh"), this.build())),
      icon_button("help", t("keys"), () => this.show_keys()),
      icon_button("sliders", t("panel"), () => this.toggle_panel(), { id: "toggle-panel", "aria-expanded": "true", "aria-controls": "panel" }),
    );
    const header = h("header", { id: "title" }, h("h1", null, this.info.name), this.counted, h("span", { class: "space" }), tools);
    document.body.replaceChildren(h("main", null, canvas, this.photo.element), header, this.view_panel.element, this.status);
    this.toggle_panel(!matchMedia("(max-width: 800px)").matches);
    this.counted.textContent = t("count", { count: number(this.info.count) });
    this.view_panel.set_camera(this.chosen);
    this.view_panel.set_cameras(this.frusta.group.visible);
    this.view_panel.set_overlay(this.overlay);
    this.say_crop();
    this.say_measure();
  }

  private async load(info: Info): Promise<void> {
    this.loading = true;
    try {
      const bytes = await scene_source.bytes(info);
      const gaussians = await Gaussians.load(info, bytes, (share) => this.say(t("loading", { name: info.name, percent: Math.min(100, Math.floor(100 * share)) })));
      this.info = info;
      this.stage.show(gaussians, info);
      gaussians.set_size(this.size);
      gaussians.set_sh_degree(Math.min(this.sh_degree, info.sh_degree));
      this.crop.update();
      await this.set_budget(this.budget);
      await this.stage.settle();
      this.counted.textContent = t("count", { count: number(info.count) });
      this.say("");
    } catch (error) {
      this.say(t("failed", { error: (error as Error).message }), true);
      throw error;
    } finally {
      this.loading = false;
    }
  }

  private async look_again(): Promise<void> {
    if (document.hidden || this.loading) return;
    const info = await scene_source.info().catch(() => null);
    if (!info || info.revision === this.info.revision) return;
    await this.load(info);
    this.say(t("refreshed"));
    setTimeout(() => this.say(""), kLookAgain);
  }

  private say(text: string, wrong = false): void {
    this.status.textContent = text;
    this.status.classList.toggle("wrong", wrong);
  }

  // Views

  private first_view(): void {
    const asked = new URLSearchParams(location.hash.slice(1)).get("view");
    if (asked) return this.show_view(checked_view(JSON.parse(asked)));
    if (this.info.cameras.length > 0) return this.choose(0);
    this.show_side("front");
  }

  private show_side(side: Side): void {
    this.stage.lens = kFreeLens;
    this.controls.look(eye_of(side, this.controls.up, this.info), new Vector3().fromArray(this.info.centre));
  }

  show_view(view: View): void {
    this.stage.lens = view;
    place(this.stage.camera, view.camera_from_world);
    this.controls.pivot.fromArray(this.info.centre);
    this.controls.adopt();
  }

  view(): View {
    return { ...this.stage.fitted_lens(), camera_from_world: camera_from_world(this.stage.camera) };
  }

  picture(view: View): Promise<Uint8Array> {
    return this.stage.picture(checked_view(view));
  }

  private link(): string {
    return location.href.split("#")[0] + "#" + new URLSearchParams({ view: JSON.stringify(this.view()) });
  }

  private set_up(up: Up): void {
    this.up = up;
    this.controls.up.copy(up_vector(up, this.info));
  }

  private set_mode(mode: Mode): void {
    this.controls.mode = mode;
    for (const name of ["orbit", "walk"]) document.getElementById("mode-" + name)!.setAttribute("aria-pressed", String(name === mode));
  }

  // Cameras

  private choose(index: number | null): void {
    const camera = index === null ? null : this.info.cameras[index]!;
    if (camera) this.show_view(camera);
    this.chosen = index;
    this.frusta.choose(index);
    this.view_panel.set_camera(index);
    void this.photo.choose(camera);
  }

  /** The view has moved on from the chosen camera's. */
  private leave_camera(): void {
    if (this.chosen !== null) this.choose(null);
  }

  private step_camera(by: number): void {
    const count = this.info.cameras.length;
    if (count > 0) this.choose(((this.chosen ?? (by > 0 ? -1 : 0)) + by + count) % count);
  }

  private set_overlay(overlay: Overlay): void {
    this.overlay = overlay;
    this.view_panel.set_overlay(overlay);
    void this.photo.show(overlay);
  }

  private toggle_cameras(): void {
    this.frusta.show(!this.frusta.group.visible);
    this.view_panel.set_cameras(this.frusta.group.visible);
  }

  // Appearance

  private set_sh_degree(degree: number): void {
    this.sh_degree = degree;
    this.stage.gaussians?.set_sh_degree(degree);
    this.stage.request();
  }

  private set_size(factor: number): void {
    this.size = factor;
    this.stage.gaussians?.set_size(factor);
    this.stage.request();
  }

  private async set_budget(count: number | null): Promise<void> {
    this.budget = count;
    if (count !== null) this.say(t("reducing"));
    await this.stage.set_budget(count);
    this.say("");
  }

  private async screenshot(): Promise<void> {
    const link = h("a", { download: this.info.name + ".png", href: URL.createObjectURL(await this.stage.png()) });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  // Tools

  private set_crop(on: boolean): void {
    this.crop.toggle(on);
    this.say_crop();
  }

  private say_crop(): void {
    this.view_panel.set_crop(this.crop.on, this.crop.argument());
  }

  private say_measure(): void {
    const distance = this.measure.distance();
    const next = t(this.measure.count === 0 ? "measure_first" : "measure_second");
    const note = distance === null ? next : t("distance", { distance: number(distance, 4) });
    this.view_panel.set_measure(this.measure.on, this.measure.on ? note : "");
  }

  private toggle_panel(show = this.view_panel.element.hidden): void {
    this.view_panel.element.hidden = !show;
    document.getElementById("toggle-panel")!.setAttribute("aria-expanded", String(show));
  }

  private show_keys(): void {
    this.toggle_panel(true);
    this.view_panel.show_keys();
  }

  /** A tap or click without dragging: measures, or goes to the camera that was hit. */
  private click(x: number, y: number): void {
    if (this.measure.on) {
      if (!this.measure.add(x, y)) this.view_panel.set_measure(true, t("measure_miss"));
      return;
    }
    if (!this.frusta.group.visible) return;
    const camera = this.frusta.nearest(x, y, (point) => this.stage.on_canvas(point));
    if (camera !== null) this.choose(camera);
  }

  private turn_about(x: number, y: number): void {
    const hit = this.stage.gaussians?.hit(this.stage.ray(x, y));
    if (hit) this.controls.pivot.copy(hit);
  }

  private listen(canvas: HTMLCanvasElement): void {
    let down: PointerEvent | null = null;
    canvas.addEventListener("pointerdown", (event) => {
      down = event.isPrimary ? event : null;
      canvas.focus();
    });
    canvas.addEventListener("pointerup", (event) => {
      const still = down && event.isPrimary && Math.hypot(event.offsetX - down.offsetX, event.offsetY - down.offsetY) < kClickPixels;
      if (still && event.button === 0) this.click(event.offsetX, event.offsetY);
    });
    canvas.addEventListener("dblclick", (event) => this.turn_about(event.offsetX, event.offsetY));
    const sides: Side[] = ["front", "back", "left", "right", "top", "bottom"];
    listen_to_keys(this.controls, {
      o: () => this.set_mode(this.controls.mode === "orbit" ? "walk" : "orbit"),
      r: () => this.first_view(),
      c: () => this.toggle_cameras(),
      "[": () => this.step_camera(-1),
      "]": () => this.step_camera(1),
      p: () => this.set_overlay(({ off: "photo", photo: "difference", difference: "off" } as const)[this.overlay]),
      x: () => this.set_crop(!this.crop.on),
      m: () => this.measure.toggle(!this.measure.on),
      i: () => void this.screenshot(),
      b: () => this.toggle_panel(),
      t: () => void next_theme(),
      "?": () => this.show_keys(),
      escape: () => this.measure.toggle(false),
      ...Object.fromEntries(sides.map((side, i) => [String(i + 1), () => this.show_side(side)])),
    });
  }
}

const scene_source = source();

async function start(): Promise<void> {
  const canvas = h("canvas", { id: "stage", tabindex: "0" });
  const say = (text: string) => document.body.replaceChildren(h("div", { id: "status", class: "wrong", role: "status" }, text));
  if (!document.createElement("canvas").getContext("webgl2")) return say(t("no_webgl"));
  const info = await scene_source.info().catch((error: Error) => say(t("failed", { error: error.message })));
  if (!info) return;
  const viewer = new Viewer(canvas, info);
  publish(viewer, viewer.start());
}

void start();
