// The scene's Gaussians as Spark draws them, with what the sliders do to them.

import { Vector3, type Intersection, type Raycaster } from "three";
import { dyno, SplatFileType, SplatMesh } from "@sparkjsdev/spark";
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

export class Gaussians {
  private readonly size = new dyno.DynoFloat({ value: 1 });
  private readonly low = new dyno.DynoVec3({ value: new Vector3() });
  private readonly high = new dyno.DynoVec3({ value: new Vector3() });
  private box: Box | null = null;

  private constructor(
    readonly mesh: SplatMesh,
    private readonly flipped: boolean,
  ) {
    // Half a turn about x brings .spz's axes (y up, z back) to ours.
    if (flipped) mesh.quaternion.setFromAxisAngle(new Vector3(1, 0, 0), Math.PI);
    this.crop(null);
    mesh.objectModifier = modifier(this.size, this.low, this.high);
    mesh.updateGenerator();
  }

  /** `progress` hears the share that has come, 0 to 1. Float32 centres, as a large scene seen from near needs them. */
  static async load(info: Info, bytes: ReadableStream<Uint8Array>, progress: (share: number) => void): Promise<Gaussians> {
    let come = 0;
    const counted = bytes.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          come += piece.length;
          progress(come / info.bytes);
          controller.enqueue(piece);
        },
      }),
    );
    const fileType = info.format === "spz" ? SplatFileType.SPZ : SplatFileType.PLY;
    const mesh = new SplatMesh({ stream: counted, streamLength: info.bytes, fileType, extSplats: true });
    await mesh.initialized;
    return new Gaussians(mesh, info.format === "spz");
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
    const [low, high] = [this.low.value, this.high.value];
    low.fromArray(box?.min ?? [-kFarAway, -kFarAway, -kFarAway]);
    high.fromArray(box?.max ?? [kFarAway, kFarAway, kFarAway]);
    if (this.flipped) {
      [low.y, high.y] = [-high.y, -low.y];
      [low.z, high.z] = [-high.z, -low.z];
    }
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
