// What the server, or an exported page, says of a scene.

/** A pinhole view as orrery/base/camera.h has it: OpenCV's axes (x right, y down, z forward), pixels whose first one has its centre at (0.5, 0.5). */
export interface View {
  width: number;
  height: number;
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  /** [4, 4] row-major, rigid. */
  camera_from_world: number[];
}

export interface Camera extends View {
  name: string;
  /** Its address; null where there is no photo. */
  photo: string | null;
}

export type Point = [number, number, number];

export interface Info {
  name: string;
  count: number;
  sh_degree: number;
  antialiased: boolean;
  /** Of the scene, as they come. */
  bytes: number;
  /** Changes whenever the scene's file does. */
  revision: string;
  /** The file may change: look at it from time to time. */
  live: boolean;
  /** Where most of the Gaussians are. */
  centre: Point;
  radius: number;
  box: { min: Point; max: Point };
  cameras: Camera[];
}
