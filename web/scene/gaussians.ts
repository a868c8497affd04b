// The scene's Gaussians as Spark draws them, with what the sliders do to them.

import { Vector3, type Intersection, type Raycaster } from "three";
import { dyno, ExtSplats, SplatMesh } from "@sparkjsdev/spark";
import type { Info, Point } from "./types";

export interface Box {
  min: Point;
  max: Point;
}

const kFarAway = 1e30;

/** Scales each Gaussian and hides those whose centres lie outside a box. */
function modifier(size: dyno.DynoFloat, low: dyno.DynoVec3, high: dyno.DynoVec3): unknown {
  const change = new dyno.Dyno({
    inTypes: { gsplat: dyno.Gsplat, size: "float", low: "vec3", high: "vec3" },
    outTypes: { gsplat: dyno.Gsplat },
    statements: ({ inputs, outputs }) => [
      `${outputs.gsplat} = ${inputs.gsplat};`,
      `${outputs.gsplat}.scales *= ${inputs.size};`,
      `if (any(lessThan(${inputs.gsplat}.center, ${inputs.low})) || any(greaterThan(${inputs.gsplat}.center, ${inputs.high}))) ${outputs.gsplat}.rgba.a = 0.0;`,
    ],
  });
  return dyno.dynoBlock({ gsplat: dyno.Gsplat }, { gsplat: dyno.Gsplat }, ({ gsplat }) => ({ gsplat: change.apply({ gsplat, size, low, high }).gsplat }));
}

/** Spark's textures are rows of 2048 texels, and layers of 2048 rows where there are more. */
function texels(count: number): number {
  const kSide = 2048;
  const rows = Math.ceil(count / kSide);
  return kSide * (rows <= kSide ? rows : kSide * Math.ceil(rows / kSide));
}

/** The arrays of spark_arrays.h, each with room for whole textures. */
async function read_arrays(info: Info, bytes: ReadableStream<Uint8Array>, progress: (share: number) => void): Promise<Uint32Array[]> {
  const used = 16 * info.count;
  const arrays = Array.from({ length: info.bytes / used }, () => new Uint32Array(4 * texels(info.count)));
  const places = arrays.map((array) => new Uint8Array(array.buffer, 0, used));
  const reader = bytes.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    for (let from = 0; from < value.length; ) {
      const place = places[Math.floor(at / used)];
      if (!place) throw new Error("more bytes than " + info.bytes);
      const piece = value.subarray(from, from + used - (at % used));
      place.set(piece, at % used);
      from += piece.length;
      at += piece.length;
    }
    progress(at / info.bytes);
  }
  if (at !== info.bytes) throw new Error(`${at} bytes instead of ${info.bytes}`);
  return arrays;
}

export class Gaussians {
  private readonly size = new dyno.DynoFloat({ value: 1 });
  private readonly low = new dyno.DynoVec3({ value: new Vector3() });
  private readonly high = new dyno.DynoVec3({ value: new Vector3() });
  private box: Box | null = null;

  private constructor(readonly mesh: SplatMesh) {
    this.crop(null);
    mesh.objectModifier = modifier(this.size, this.low, this.high);
    mesh.updateGenerator();
  }

  /** `progress` hears the share that has come, 0 to 1. */
  static async load(info: Info, bytes: ReadableStream<Uint8Array>, progress: (share: number) => void): Promise<Gaussians> {
    const [positions, shapes, sh1, sh2, sh3a, sh3b] = await read_arrays(info, bytes, progress);
    const splats = new ExtSplats({ extArrays: [positions!, shapes!], numSplats: info.count, extra: { sh1, sh2, sh3a, sh3b } });
    const mesh = new SplatMesh({ extSplats: splats });
    await mesh.initialized;
    return new Gaussians(mesh);
  }

  set_size(factor: number): void {
    this.size.value = factor;
    this.mesh.updateVersion();
  }

  set_sh_degree(degree: number): void {
    this.mesh.maxSh = degree;
    this.mesh.updateGenerator();
  }

  /** Shows what lies inside alone; null shows everything. */
  crop(box: Box | null): void {
    this.box = box;
    this.low.value.fromArray(box?.min ?? [-kFarAway, -kFarAway, -kFarAway]);
    this.high.value.fromArray(box?.max ?? [kFarAway, kFarAway, kFarAway]);
    this.mesh.updateVersion();
  }

  /** Draws fewer, larger Gaussians where they would be small on the screen; makes them at the first call. */
  async set_reduced(reduced: boolean): Promise<void> {
    if (reduced && !this.mesh.extSplats?.lodSplats) await this.mesh.createLodSplats();
    this.mesh.enableLod = reduced;
    this.mesh.updateVersion();
  }

  /** The nearest place on a ray that is not mostly transparent. */
  hit(ray: Raycaster): Vector3 | null {
    const inside = ({ point }: Intersection) => !this.box || [point.x, point.y, point.z].every((value, axis) => value >= this.box!.min[axis]! && value <= this.box!.max[axis]!);
    return ray.intersectObject(this.mesh, false).find(inside)?.point ?? null;
  }

  dispose(): void {
    this.mesh.dispose();
  }
}
