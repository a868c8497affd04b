// The training cameras: a pyramid each, with the photo at its base.

import { BufferGeometry, DoubleSide, Float32BufferAttribute, Group, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, SRGBColorSpace, Texture, Vector3 } from "three";
import type { Camera } from "./types";

const kColour = 0x5b7fa6;
const kChosen = 0xc9962f;
/** Of the scene's radius. */
const kLength = 0.08;
/** Pixels across a photo at a frustum's base: hundreds of them share the memory. */
const kPhotoPixels = 256;

/** The apex, then the image's corners from the upper left, clockwise; in world units at that depth. */
function corners(camera: Camera, depth: number): Vector3[] {
  const m = camera.camera_from_world;
  const world = (x: number, y: number, z: number) => {
    const [a, b, c] = [x - m[3]!, y - m[7]!, z - m[11]!];
    return new Vector3(m[0]! * a + m[4]! * b + m[8]! * c, m[1]! * a + m[5]! * b + m[9]! * c, m[2]! * a + m[6]! * b + m[10]! * c);
  };
  const at = (u: number, v: number) => world(((u - camera.cx) / camera.fx) * depth, ((v - camera.cy) / camera.fy) * depth, depth);
  return [world(0, 0, 0), at(0, 0), at(camera.width, 0), at(camera.width, camera.height), at(0, camera.height)];
}

const flat = (points: Vector3[]) => new Float32BufferAttribute(points.flatMap((point) => point.toArray()), 3);

export class Frusta {
  readonly group = new Group();
  private readonly outlines: LineSegments[];
  private readonly length: number;
  private photos: Group | null = null;

  constructor(
    private readonly cameras: Camera[],
    radius: number,
    private readonly changed: () => void,
  ) {
    this.length = kLength * radius;
    this.outlines = cameras.map((camera) => {
      const geometry = new BufferGeometry().setAttribute("position", flat(corners(camera, this.length))).setIndex([0, 1, 0, 2, 0, 3, 0, 4, 1, 2, 2, 3, 3, 4, 4, 1]);
      return new LineSegments(geometry, new LineBasicMaterial({ color: kColour }));
    });
    for (const outline of this.outlines) this.group.add(outline);
    this.group.visible = false;
  }

  show(visible: boolean): void {
    this.group.visible = visible;
    if (visible && !this.photos) void this.load_photos();
    this.changed();
  }

  choose(index: number | null): void {
    this.outlines.forEach((outline, i) => outline.material.color.set(i === index ? kChosen : kColour));
    this.changed();
  }

  /** The camera whose place is nearest to a point of the canvas, within a finger's width. */
  nearest(x: number, y: number, on_canvas: (point: Vector3) => { x: number; y: number } | null): number | null {
    const kFinger = 18;
    let [best, least] = [null as number | null, kFinger];
    this.cameras.forEach((camera, index) => {
      const at = on_canvas(corners(camera, this.length)[0]!);
      const distance = at ? Math.hypot(at.x - x, at.y - y) : Infinity;
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  // One after the other, so that the first ones are there soon.
  private async load_photos(): Promise<void> {
    this.photos = new Group();
    this.group.add(this.photos);
    for (const camera of this.cameras) {
      if (!camera.photo) continue;
      try {
        const blob = await (await fetch(camera.photo)).blob();
        const texture = new Texture(await createImageBitmap(blob, { resizeWidth: kPhotoPixels, imageOrientation: "flipY" }));
        texture.colorSpace = SRGBColorSpace;
        texture.flipY = false;
        texture.needsUpdate = true;
        const [, a, b, c, d] = corners(camera, this.length);
        const geometry = new BufferGeometry()
          .setAttribute("position", flat([a!, b!, c!, d!]))
          .setAttribute("uv", new Float32BufferAttribute([0, 1, 1, 1, 1, 0, 0, 0], 2))
          .setIndex([0, 1, 2, 0, 2, 3]);
        this.photos.add(new Mesh(geometry, new MeshBasicMaterial({ map: texture, side: DoubleSide })));
        this.changed();
      } catch {
        // A photo that cannot be shown leaves its pyramid empty.
      }
    }
  }
}
