// The distance between two places that are clicked on.

import { BufferGeometry, Float32BufferAttribute, LineBasicMaterial, LineSegments, type Vector3 } from "three";
import type { Stage } from "./stage";

const kColour = 0xc9962f;

export class Measure {
  on = false;
  private points: Vector3[] = [];
  private readonly line = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ color: kColour, depthTest: false }));

  constructor(
    private readonly stage: Stage,
    private readonly changed: () => void,
  ) {
    this.line.renderOrder = 1;
    this.line.visible = false;
    stage.extras.add(this.line);
  }

  toggle(on: boolean): void {
    this.on = on;
    this.points = [];
    this.update();
  }

  /** False where nothing is there. A third place begins anew. */
  add(x: number, y: number): boolean {
    const hit = this.stage.gaussians?.hit(this.stage.ray(x, y));
    if (!hit) return false;
    this.points = [...(this.points.length === 2 ? [] : this.points), hit];
    this.update();
    return true;
  }

  get count(): number {
    return this.points.length;
  }

  /** World units; null before there are two places. */
  distance(): number | null {
    return this.points.length === 2 ? this.points[0]!.distanceTo(this.points[1]!) : null;
  }

  private update(): void {
    this.line.visible = this.points.length === 2;
    if (this.line.visible) this.line.geometry.setAttribute("position", new Float32BufferAttribute(this.points.flatMap((point) => point.toArray()), 3));
    this.changed();
    this.stage.request();
  }
}
