// Moving through the scene with mouse, fingers and keys. Dragging turns the camera about the pivot (orbit) or about itself (walk).

import { Matrix4, Quaternion, Vector3 } from "three";
import type { Stage } from "./stage";

export type Mode = "orbit" | "walk";

const kTurnPerPixel = 0.005;
const kTurnPerSecond = 1.2;
/** Of the scene's radius. */
const kStepPerSecond = 0.6;
const kFaster = 4;
const kNearestPivot = 0.02;
const kZoomPerNotch = 0.0015;
/** Sine of the least angle between the view and the vertical, so that nothing turns over. */
const kSteepest = 0.02;

/** Right, up, back; turn right, turn up. */
const kHeld: Record<string, [number, number, number, number, number]> = {
  KeyW: [0, 0, -1, 0, 0],
  KeyS: [0, 0, 1, 0, 0],
  KeyA: [-1, 0, 0, 0, 0],
  KeyD: [1, 0, 0, 0, 0],
  KeyQ: [0, -1, 0, 0, 0],
  KeyE: [0, 1, 0, 0, 0],
  ArrowLeft: [0, 0, 0, -1, 0],
  ArrowRight: [0, 0, 0, 1, 0],
  ArrowUp: [0, 0, 0, 0, 1],
  ArrowDown: [0, 0, 0, 0, -1],
};

export class Controls {
  mode: Mode = "orbit";
  /** While Shift is held. */
  faster = false;
  readonly up = new Vector3(0, -1, 0);
  readonly pivot = new Vector3();
  private readonly fingers = new Map<number, { x: number; y: number }>();
  private readonly held = new Set<string>();
  private last = 0;

  constructor(
    private readonly stage: Stage,
    private readonly changed: () => void,
  ) {
    const { canvas } = stage;
    canvas.addEventListener("pointerdown", (event) => this.touch(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"] as const) canvas.addEventListener(end, (event) => void this.fingers.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => this.roll(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("blur", () => this.held.clear());
  }

  /** True where the key moves the camera. */
  press(code: string): boolean {
    if (!kHeld[code]) return false;
    if (this.held.size === 0) {
      this.last = performance.now();
      requestAnimationFrame(() => this.walk_on());
    }
    this.held.add(code);
    return true;
  }

  release(code: string): void {
    this.held.delete(code);
  }

  /** Looks from `eye` at `target`, which becomes the pivot. */
  look(eye: Vector3, target: Vector3): void {
    const { camera } = this.stage;
    const back = eye.clone().sub(target).normalize();
    // Straight up or down, any direction may be the picture's upper edge.
    const up = Math.abs(back.dot(this.up)) > 0.999 ? new Vector3(this.up.y, this.up.z, this.up.x) : this.up.clone();
    const right = up.cross(back).normalize();
    camera.position.copy(eye);
    camera.quaternion.setFromRotationMatrix(new Matrix4().makeBasis(right, back.clone().cross(right), back));
    this.pivot.copy(target);
    this.moved();
  }

  /** The camera was put somewhere: what lies ahead, as far away as the pivot is, becomes the pivot. */
  adopt(): void {
    const distance = this.stage.camera.position.distanceTo(this.pivot);
    this.pivot.copy(this.stage.camera.position).addScaledVector(this.axis(0, 0, -1), distance);
    this.moved();
  }

  private axis(x: number, y: number, z: number): Vector3 {
    return new Vector3(x, y, z).applyQuaternion(this.stage.camera.quaternion);
  }

  private moved(): void {
    this.changed();
    this.stage.request();
  }

  private turn(right: number, upward: number): void {
    const { camera } = this.stage;
    const about = this.mode === "walk" ? camera.position.clone() : this.pivot;
    const turn = new Quaternion().setFromAxisAngle(this.up, -right);
    const tilt = new Quaternion().setFromAxisAngle(this.axis(1, 0, 0), upward);
    const ahead = this.axis(0, 0, -1).applyQuaternion(tilt);
    if (ahead.clone().cross(this.up).length() > kSteepest) turn.multiply(tilt);
    camera.position.sub(about).applyQuaternion(turn).add(about);
    camera.quaternion.premultiply(turn).normalize();
    if (this.mode === "walk") this.pivot.sub(camera.position).applyQuaternion(turn).add(camera.position);
  }

  private move(right: number, up: number, back: number): void {
    const step = this.axis(right, up, back);
    this.stage.camera.position.add(step);
    this.pivot.add(step);
  }

  /** Nearer to the pivot by that factor; one that is reached goes on ahead. */
  private approach(factor: number): void {
    const { position } = this.stage.camera;
    const distance = position.distanceTo(this.pivot);
    if (this.mode === "walk") return this.move(0, 0, distance * (factor - 1));
    const ahead = this.axis(0, 0, -1);
    position.addScaledVector(ahead, distance * (1 - factor));
    const least = kNearestPivot * this.stage.radius;
    if (this.pivot.clone().sub(position).dot(ahead) < least) this.pivot.copy(position).addScaledVector(ahead, least);
  }

  private touch(event: PointerEvent): void {
    this.stage.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  private drag(event: PointerEvent): void {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    if (other) {
      this.slide(dx / 2, dy / 2);
      this.approach(Math.hypot(before.x - other.x, before.y - other.y) / Math.max(1, Math.hypot(now.x - other.x, now.y - other.y)));
    } else if (event.buttons === 1 && !event.shiftKey) {
      const way = this.mode === "walk" ? -1 : 1; // what is seen follows the pointer in both
      this.turn(way * dx * kTurnPerPixel, -way * dy * kTurnPerPixel);
    } else {
      this.slide(dx, dy);
    }
    this.moved();
  }

  /** What lies at the pivot's distance follows the pointer. */
  private slide(dx: number, dy: number): void {
    const per_pixel = this.stage.camera.position.distanceTo(this.pivot) / this.stage.fitted_lens().fy;
    this.move(-dx * per_pixel, dy * per_pixel, 0);
  }

  private roll(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 * event.deltaY : event.deltaY;
    this.approach(Math.exp(pixels * kZoomPerNotch));
    this.moved();
  }

  private walk_on(): void {
    const now = performance.now();
    const seconds = Math.min(0.1, (now - this.last) / 1000);
    this.last = now;
    if (this.held.size === 0) return;
    const sum = [0, 0, 0, 0, 0];
    for (const code of this.held) kHeld[code]!.forEach((value, i) => (sum[i]! += value));
    const step = seconds * kStepPerSecond * this.stage.radius * (this.faster ? kFaster : 1);
    this.move(sum[0]! * step, sum[1]! * step, sum[2]! * step);
    const way = this.mode === "walk" ? 1 : -1; // the camera looks there, or goes there
    this.turn(way * sum[3]! * seconds * kTurnPerSecond, way * sum[4]! * seconds * kTurnPerSecond);
    this.moved();
    requestAnimationFrame(() => this.walk_on());
  }
}
