// The parts of three.js and Spark that the viewer calls.

declare module "three" {
  export class Vector2 {
    constructor(x?: number, y?: number);
    x: number;
    y: number;
  }
  export class Vector3 {
    constructor(x?: number, y?: number, z?: number);
    x: number;
    y: number;
    z: number;
    set(x: number, y: number, z: number): this;
    copy(other: Vector3): this;
    clone(): Vector3;
    add(other: Vector3): this;
    sub(other: Vector3): this;
    addScaledVector(other: Vector3, scale: number): this;
    multiplyScalar(scale: number): this;
    applyQuaternion(rotation: Quaternion): this;
    applyMatrix4(matrix: Matrix4): this;
    cross(other: Vector3): this;
    dot(other: Vector3): number;
    lengthSq(): number;
    length(): number;
    normalize(): this;
    distanceTo(other: Vector3): number;
    project(camera: PerspectiveCamera): this;
    fromArray(values: ArrayLike<number>): this;
    toArray(): [number, number, number];
  }
  export class Quaternion {
    copy(other: Quaternion): this;
    setFromAxisAngle(axis: Vector3, angle: number): this;
    setFromRotationMatrix(matrix: Matrix4): this;
    premultiply(other: Quaternion): this;
    multiply(other: Quaternion): this;
    normalize(): this;
  }
  export class Matrix4 {
    elements: number[];
    set(...rows: number[]): this;
    copy(other: Matrix4): this;
    invert(): this;
    makeBasis(x: Vector3, y: Vector3, z: Vector3): this;
    makeRotationFromQuaternion(rotation: Quaternion): this;
    lookAt(eye: Vector3, target: Vector3, up: Vector3): this;
  }
  export class Color {
    constructor(value?: string | number);
    set(value: string | number): this;
  }
  export class Object3D {
    visible: boolean;
    renderOrder: number;
    position: Vector3;
    quaternion: Quaternion;
    scale: Vector3;
    userData: Record<string, unknown>;
    add(...children: Object3D[]): this;
    remove(...children: Object3D[]): this;
    clear(): this;
    updateMatrixWorld(force?: boolean): void;
  }
  export class Group extends Object3D {
    children: Object3D[];
  }
  export class Scene extends Object3D {}
  export class PerspectiveCamera extends Object3D {
    fov: number;
    near: number;
    far: number;
    aspect: number;
    projectionMatrix: Matrix4;
    projectionMatrixInverse: Matrix4;
  }
  export class BufferAttribute {
    constructor(values: ArrayLike<number>, width: number);
  }
  export class Float32BufferAttribute extends BufferAttribute {}
  export class BufferGeometry {
    setAttribute(name: string, values: BufferAttribute): this;
    setIndex(indices: number[]): this;
    dispose(): void;
  }
  export class Texture {
    constructor(image: ImageBitmap);
    colorSpace: string;
    flipY: boolean;
    needsUpdate: boolean;
    dispose(): void;
  }
  export class Material {
    dispose(): void;
  }
  export class LineBasicMaterial extends Material {
    constructor(options: Record<string, unknown>);
    color: Color;
  }
  export class MeshBasicMaterial extends Material {
    constructor(options: Record<string, unknown>);
  }
  export class LineSegments extends Object3D {
    constructor(geometry: BufferGeometry, material: Material);
    geometry: BufferGeometry;
    material: LineBasicMaterial;
  }
  export class Mesh extends Object3D {
    constructor(geometry: BufferGeometry, material: Material);
    geometry: BufferGeometry;
    material: Material;
  }
  export interface Intersection {
    distance: number;
    point: Vector3;
  }
  export class Raycaster {
    setFromCamera(point: Vector2, camera: PerspectiveCamera): void;
    intersectObject(object: Object3D, recursive: boolean): Intersection[];
  }
  export class WebGLRenderer {
    constructor(options: Record<string, unknown>);
    domElement: HTMLCanvasElement;
    setPixelRatio(ratio: number): void;
    setSize(width: number, height: number, style?: boolean): void;
    setClearColor(colour: Color, alpha: number): void;
    render(scene: Scene, camera: PerspectiveCamera): void;
    getContext(): WebGL2RenderingContext;
  }
  export const SRGBColorSpace: string;
  export const DoubleSide: number;
}

declare module "@sparkjsdev/spark" {
  import { Object3D, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";

  export class SparkRenderer extends Object3D {
    constructor(options: Record<string, unknown>);
    preBlurAmount: number;
    blurAmount: number;
    maxStdDev: number;
    minAlpha: number;
    lodSplatCount?: number;
    enableLod: boolean;
    readonly renderer: WebGLRenderer;
    readonly sorting: boolean;
    readonly sortDirty: boolean;
    readonly lodDirty: boolean;
    readonly lodInstances: Map<SplatMesh, object>;
    readonly lastLod?: object;
    readonly currentLod?: object;
    readonly dirty: boolean;
    update(what: { scene: Scene; camera: PerspectiveCamera }): Promise<void>;
  }
  export class SplatMesh extends Object3D {
    constructor(options: Record<string, unknown>);
    readonly initialized: Promise<SplatMesh>;
    readonly extSplats?: ExtSplats;
    maxSh: number;
    enableLod?: boolean;
    minRaycastOpacity: number;
    objectModifier: unknown;
    updateGenerator(): void;
    updateVersion(): void;
    createLodSplats(): Promise<void>;
    dispose(): void;
  }
  export class ExtSplats {
    constructor(options: { extArrays: [Uint32Array, Uint32Array]; numSplats: number; extra: Record<string, Uint32Array | undefined> });
    readonly lodSplats?: object;
  }

  export namespace dyno {
    const Gsplat: { type: string };
    class DynoFloat {
      constructor(options: { value: number });
      value: number;
    }
    class DynoVec3 {
      constructor(options: { value: Vector3 });
      value: Vector3;
    }
    class Dyno {
      constructor(options: {
        inTypes: Record<string, unknown>;
        outTypes: Record<string, unknown>;
        statements(names: { inputs: Record<string, string>; outputs: Record<string, string> }): string[];
      });
      apply(inputs: Record<string, unknown>): Record<string, unknown>;
    }
    function dynoBlock(
      inTypes: Record<string, unknown>,
      outTypes: Record<string, unknown>,
      construct: (inputs: Record<string, unknown>) => Record<string, unknown>,
    ): unknown;
  }
}

// TypeScript 4.8 does not know it yet.
declare class DecompressionStream {
  constructor(format: "gzip");
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}
