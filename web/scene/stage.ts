// The canvas: three.js, Spark, and a picture whenever something has changed.

import { Color, Group, PerspectiveCamera, Scene, Vector2, Vector3, Raycaster, WebGLRenderer } from "three";
import { SparkRenderer } from "@sparkjsdev/spark";
import { Gaussians } from "./gaussians";
import type { Info, View } from "./types";
import { camera_from_world, fitted, kFreeLens, place, set_projection, type Lens } from "./view";

/** What the 2D covariance of an ordinary scene is widened by, pixels² (Kerbl et al. 2023); antialiased scenes lose opacity for it. */
const kLowPass = 0.3;
/** Less opacity is not drawn, as in training; Gaussians end where a full one has it: exp(-r²/2) = 1/255. */
const kMinAlpha = 1 / 255;
const kFullExtent = Math.sqrt(2 * Math.log(255));

export class Stage {
  readonly scene = new Scene();
  /** Lines and photos beside the Gaussians. */
  readonly extras = new Group();
  readonly camera = new PerspectiveCamera();
  lens: Lens = kFreeLens;
  gaussians: Gaussians | null = null;
  /** World units: what near, far and steps are measured by. */
  radius = 1;
  /** Called before each picture. */
  before_draw: () => void = () => {};
  private readonly renderer: WebGLRenderer;
  private readonly spark: SparkRenderer;
  private asked = false;
  private exact: Lens | null = null;
  private reduced = false;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({ canvas, antialias: false });
    this.spark = new SparkRenderer({
      renderer: this.renderer,
      onDirty: () => this.request(),
      minAlpha: kMinAlpha,
      maxStdDev: kFullExtent,
      accumExtSplats: true,
      sortRadial: false,
      enableLod: true,
    });
    this.scene.add(this.spark, this.extras);
    new ResizeObserver(() => this.request()).observe(canvas);
  }

  /** Takes the place of what was shown. */
  show(gaussians: Gaussians, info: Info): void {
    if (this.gaussians) {
      this.scene.remove(this.gaussians.mesh);
      this.gaussians.dispose();
    }
    this.gaussians = gaussians;
    this.radius = info.radius;
    this.spark.preBlurAmount = info.antialiased ? 0 : kLowPass;
    this.spark.blurAmount = info.antialiased ? kLowPass : 0;
    this.scene.add(gaussians.mesh);
    this.request();
  }

  set_background(colour: string): void {
    this.renderer.setClearColor(new Color(colour), 1);
    this.request();
  }

  /** At most so many Gaussians in a picture; null: all. */
  async set_budget(count: number | null): Promise<void> {
    if (count !== null) this.spark.lodSplatCount = count;
    await this.gaussians?.set_reduced(count !== null);
    this.reduced = count !== null;
    this.request();
  }

  request(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  /** The lens as it is drawn now, in CSS pixels of the canvas. */
  fitted_lens(): Lens {
    return this.exact ?? fitted(this.lens, Math.max(1, this.canvas.clientWidth), Math.max(1, this.canvas.clientHeight));
  }

  draw(): void {
    this.before_draw();
    this.prepare();
    this.renderer.render(this.scene, this.camera);
  }

  /** Draws once the Gaussians are in order for this view: Spark sorts them in a worker. */
  async settle(): Promise<void> {
    const { spark, scene, camera } = this;
    this.draw();
    do {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (!spark.sorting) await spark.update({ scene, camera });
    } while (spark.sorting || spark.sortDirty || this.choosing());
    this.draw();
  }

  /** Whether Spark is still choosing the levels for this view. */
  private choosing(): boolean {
    const { spark, gaussians } = this;
    return this.reduced && gaussians !== null && (!spark.lodInstances.has(gaussians.mesh) || spark.lodDirty || spark.currentLod !== spark.lastLod);
  }

  /** The picture of the Gaussians alone, by rows from the top, RGBA; the page shows what it showed afterwards. */
  async picture(view: View): Promise<Uint8Array> {
    const before = camera_from_world(this.camera);
    this.exact = view;
    this.extras.visible = false;
    place(this.camera, view.camera_from_world);
    try {
      await this.settle();
      return this.pixels(view.width, view.height);
    } finally {
      this.exact = null;
      this.extras.visible = true;
      place(this.camera, before);
      this.request();
    }
  }

  /** The present picture as a file's bytes. */
  async png(): Promise<Blob> {
    await this.settle();
    return new Promise((resolve, reject) => this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"));
  }

  /** A ray through a point of the canvas, CSS pixels. */
  ray(x: number, y: number): Raycaster {
    this.prepare();
    const ray = new Raycaster();
    ray.setFromCamera(new Vector2((2 * x) / this.canvas.clientWidth - 1, 1 - (2 * y) / this.canvas.clientHeight), this.camera);
    return ray;
  }

  /** Where a place is on the canvas, CSS pixels; null behind the camera. */
  on_canvas(point: Vector3): { x: number; y: number } | null {
    const ahead = point.clone().sub(this.camera.position).dot(new Vector3(0, 0, -1).applyQuaternion(this.camera.quaternion));
    if (ahead <= 0) return null;
    const at = point.clone().project(this.camera);
    return { x: ((at.x + 1) / 2) * this.canvas.clientWidth, y: ((1 - at.y) / 2) * this.canvas.clientHeight };
  }

  private prepare(): void {
    const lens = this.fitted_lens();
    this.renderer.setPixelRatio(this.exact ? 1 : Math.min(2, devicePixelRatio));
    this.renderer.setSize(lens.width, lens.height, false);
    set_projection(this.camera, lens, 1e-3 * this.radius, 1e3 * this.radius);
    this.camera.updateMatrixWorld();
  }

  private pixels(width: number, height: number): Uint8Array {
    const gl = this.renderer.getContext();
    const upward = new Uint8Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, upward);
    const rows = new Uint8Array(upward.length);
    for (let row = 0; row < height; row++) rows.set(upward.subarray(4 * width * (height - 1 - row), 4 * width * (height - row)), 4 * width * row);
    return rows;
  }
}
