// The crop box: what lies outside is hidden. Its numbers are what `orrery scene convert --crop` takes.

import { BufferGeometry, Float32BufferAttribute, LineBasicMaterial, LineSegments } from "three";
import type { Box } from "./gaussians";
import type { Stage } from "./stage";

const kColour = 0xc9962f;
/** Corner i is at max on the axes of its bits. */
const kEdges = [0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 1, 3, 4, 6, 5, 7, 0, 4, 1, 5, 2, 6, 3, 7];

export class Crop {
  on = false;
  box: Box;
  private readonly edges = new LineSegments(new BufferGeometry().setIndex(kEdges), new LineBasicMaterial({ color: kColour }));

  constructor(
    private readonly stage: Stage,
    box: Box,
  ) {
    this.box = { min: [...box.min], max: [...box.max] };
    this.edges.visible = false;
    stage.extras.add(this.edges);
  }

  toggle(on: boolean): void {
    this.on = on;
    this.update();
  }

  /** Moves one face: the lower (0) or the upper (1) of an axis. */
  set(axis: 0 | 1 | 2, end: 0 | 1, value: number): void {
    this.box[end === 0 ? "min" : "max"][axis] = value;
    this.update();
  }

  /** Also to be called for other Gaussians. */
  update(): void {
    const { min, max } = this.box;
    const corner = (i: number) => [0, 1, 2].map((axis) => ((i >> axis) & 1 ? max : min)[axis]!);
    this.edges.geometry.setAttribute("position", new Float32BufferAttribute([0, 1, 2, 3, 4, 5, 6, 7].flatMap(corner), 3));
    this.edges.visible = this.on;
    this.stage.gaussians?.crop(this.on ? this.box : null);
    this.stage.request();
  }

  argument(): string {
    const short = (value: number) => String(Number(value.toPrecision(6)));
    return "--crop " + [...this.box.min, ...this.box.max].map(short).join(",");
  }
}
