// Between a view of ours (OpenCV's axes, pixels) and three.js's camera (x right, y up, looking along -z, clip space).

import { Matrix4, Vector3, type PerspectiveCamera } from "three";
import type { View } from "./types";

/** The intrinsics of a view. */
export type Lens = Omit<View, "camera_from_world">;

/** 50 degrees across the smaller side of whatever it is drawn into. */
export const kFreeLens: Lens = { width: 1, height: 1, fx: 0.5 / Math.tan((25 * Math.PI) / 180), fy: 0.5 / Math.tan((25 * Math.PI) / 180), cx: 0.5, cy: 0.5 };

/** The same lens for a picture of that size: all of what it saw, and as much around it as there is room for. */
export function fitted(lens: Lens, width: number, height: number): Lens {
  const scale = Math.min(width / lens.width, height / lens.height);
  return {
    width,
    height,
    fx: scale * lens.fx,
    fy: scale * lens.fy,
    cx: width / 2 + scale * (lens.cx - lens.width / 2),
    cy: height / 2 + scale * (lens.cy - lens.height / 2),
  };
}

/** Throws an Error that says what is missing. */
export function checked_view(value: unknown): View {
  const view = value as View;
  for (const name of ["width", "height", "fx", "fy", "cx", "cy"] as const) {
    if (!Number.isFinite(view?.[name])) throw new Error(`a view needs a number ${name}`);
  }
  if (!(view.width > 0 && view.height > 0 && view.fx > 0 && view.fy > 0)) throw new Error("a view's size and focal lengths are above 0");
  const matrix = view.camera_from_world;
  if (!Array.isArray(matrix) || matrix.length !== 16 || !matrix.every(Number.isFinite)) throw new Error("a view needs camera_from_world, 16 numbers by rows");
  return view;
}

export function place(camera: PerspectiveCamera, camera_from_world: number[]): void {
  const m = camera_from_world;
  const row = (i: number) => new Vector3(m[4 * i]!, m[4 * i + 1]!, m[4 * i + 2]!);
  const [right, down, forward] = [row(0), row(1), row(2)];
  camera.position.set(0, 0, 0).addScaledVector(right, -m[3]!).addScaledVector(down, -m[7]!).addScaledVector(forward, -m[11]!);
  camera.quaternion.setFromRotationMatrix(new Matrix4().makeBasis(right, down.multiplyScalar(-1), forward.multiplyScalar(-1)));
}

export function camera_from_world(camera: PerspectiveCamera): number[] {
  const axes = [new Vector3(1, 0, 0), new Vector3(0, -1, 0), new Vector3(0, 0, -1)];
  const rows = axes.map((axis) => {
    const row = axis.applyQuaternion(camera.quaternion);
    return [...row.toArray(), -row.dot(camera.position)];
  });
  return [...rows.flat(), 0, 0, 0, 1];
}

/** What is nearer than `near` or farther than `far`, in world units, is not drawn. */
export function set_projection(camera: PerspectiveCamera, lens: Lens, near: number, far: number): void {
  const { width, height, fx, fy, cx, cy } = lens;
  camera.projectionMatrix.set(
    (2 * fx) / width, 0, 1 - (2 * cx) / width, 0,
    0, (2 * fy) / height, (2 * cy) / height - 1, 0,
    0, 0, -(far + near) / (far - near), (-2 * far * near) / (far - near),
    0, 0, -1, 0,
  ); // prettier-ignore
  camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
  camera.near = near;
  camera.far = far;
  camera.aspect = width / height;
  camera.fov = (360 / Math.PI) * Math.atan(height / (2 * fy));
}
