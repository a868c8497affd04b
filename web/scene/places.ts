// Which way is up, and the views that the keys 1 to 6 show.

import { Vector3 } from "three";
import type { Info, Point } from "./types";

/** COLMAP's scenes mostly have y down; what was turned for other programs has y or z up. */
export const kUps = { "-y": [0, -1, 0], "+y": [0, 1, 0], "+z": [0, 0, 1], "-z": [0, 0, -1] } as const;
export type Up = keyof typeof kUps | "cameras";

export const kSides = ["front", "back", "left", "right", "top", "bottom"] as const;
export type Side = (typeof kSides)[number];

/** Of the radius: all of the scene is in the picture. */
const kDistance = 2.6;

/** Where most cameras' upper edges are. */
function up_of_cameras(info: Info): Vector3 {
  const sum = new Vector3();
  for (const { camera_from_world: m } of info.cameras) sum.sub(new Vector3(m[4]!, m[5]!, m[6]!));
  return sum.lengthSq() > 1e-6 ? sum.normalize() : new Vector3().fromArray(kUps["-y"]);
}

export function up_vector(up: Up, info: Info): Vector3 {
  return up === "cameras" ? up_of_cameras(info) : new Vector3().fromArray(kUps[up]);
}

/** The front is seen along +z where y is down, along -z where it is up, along ±y where z is. */
function forward(up: Vector3): Vector3 {
  const along: Point = Math.abs(up.z) > 0.7 ? [0, Math.sign(up.z), 0] : [0, 0, -Math.sign(up.y || -1)];
  const ahead = new Vector3().fromArray(along);
  return ahead.addScaledVector(up, -ahead.dot(up)).normalize();
}

/** Where to stand to see a side of the scene. */
export function eye_of(side: Side, up: Vector3, info: Info): Vector3 {
  const ahead = forward(up);
  const right = ahead.clone().cross(up);
  const from: Record<Side, Vector3> = {
    front: ahead.clone().multiplyScalar(-1),
    back: ahead,
    left: right.clone().multiplyScalar(-1),
    right,
    top: up.clone(),
    bottom: up.clone().multiplyScalar(-1),
  };
  return new Vector3().fromArray(info.centre).addScaledVector(from[side], kDistance * info.radius);
}
