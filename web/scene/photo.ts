// The photo of the chosen camera over the picture: to look through, or to see where both differ.

import { h } from "../studio/dom";
import type { Stage } from "./stage";
import type { Camera } from "./types";

export type Overlay = "off" | "photo" | "difference";

/** Squared differences of colour as a heat map: black, red, yellow, white at a root mean square of a quarter of full scale. */
const kWhite = 0.25;

export class Photo {
  readonly element = h("canvas", { class: "photo", hidden: true });
  private overlay: Overlay = "off";
  private camera: Camera | null = null;
  private image: ImageBitmap | null = null;

  constructor(private readonly stage: Stage) {}

  async choose(camera: Camera | null): Promise<void> {
    this.camera = camera;
    this.image = null;
    await this.show(this.overlay);
  }

  async show(overlay: Overlay): Promise<void> {
    this.overlay = overlay;
    const camera = this.camera;
    this.element.hidden = overlay === "off" || !camera?.photo;
    if (this.element.hidden || !camera) return;
    const image = this.image ?? (await createImageBitmap(await (await fetch(camera.photo!)).blob()));
    if (this.camera !== camera) return;
    this.image = image;
    const [width, height] = this.shrunk(camera);
    this.element.width = width;
    this.element.height = height;
    const context = this.element.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(image, 0, 0, width, height);
    if (overlay === "difference") await this.paint_difference(context, camera, width, height);
    this.lay_out();
  }

  /** Over the part of the canvas that the camera saw. */
  lay_out(): void {
    if (this.element.hidden || !this.camera) return;
    const { camera, stage } = this;
    const lens = stage.fitted_lens();
    const scale = lens.fx / stage.lens.fx;
    const style = this.element.style;
    style.width = scale * camera.width + "px";
    style.height = scale * camera.height + "px";
    style.left = (lens.width - scale * camera.width) / 2 + "px";
    style.top = (lens.height - scale * camera.height) / 2 + "px";
  }

  /** What is compared need not be larger than the screen. */
  private shrunk(camera: Camera): [number, number] {
    const scale = Math.min(1, 1280 / camera.width);
    return [Math.round(camera.width * scale), Math.round(camera.height * scale)];
  }

  private async paint_difference(context: CanvasRenderingContext2D, camera: Camera, width: number, height: number): Promise<void> {
    const [sx, sy] = [width / camera.width, height / camera.height];
    const view = { ...camera, width, height, fx: sx * camera.fx, fy: sy * camera.fy, cx: sx * camera.cx, cy: sy * camera.cy };
    const drawn = await this.stage.picture(view);
    const photo = context.getImageData(0, 0, width, height);
    const pixels = photo.data;
    for (let i = 0; i < pixels.length; i += 4) {
      let squares = 0;
      for (let c = 0; c < 3; c++) squares += ((pixels[i + c]! - drawn[i + c]!) / 255) ** 2;
      const heat = Math.min(1, Math.sqrt(squares / 3) / kWhite);
      for (let c = 0; c < 3; c++) pixels[i + c] = 255 * Math.min(1, Math.max(0, 3 * heat - c));
      pixels[i + 3] = 255;
    }
    context.putImageData(photo, 0, 0);
  }
}
