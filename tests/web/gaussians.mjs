// Small scenes, and what a renderer must make of those with round Gaussians: the equations of Kerbl et al. 2023 in plain loops.

const kShC0 = 0.28209479177387814;
const kShC1 = 0.4886025119029199;
/** Low-pass filter, pixels². */
const kLowPass = 0.3;
const kMinAlpha = 1 / 255;
const kMaxAlpha = 0.99;

/** A file as INRIA's trainer leaves it; `rest` numbers of each Gaussian are of harmonics above the constant. */
function ply_file(rest, rows) {
  const harmonics = [...Array(rest).keys()].map((i) => `f_rest_${i}`);
  const names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", ...harmonics, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"];
  const header = `ply\nformat binary_little_endian 1.0\nelement vertex ${rows.length}\n${names.map((name) => `property float ${name}\n`).join("")}end_header\n`;
  return Buffer.concat([Buffer.from(header), Buffer.from(new Float32Array(rows.flat()).buffer)]);
}

/** One Gaussian: { at: [x, y, z], colour: [r, g, b], opacity, size } and, where it has harmonics of degree 1, sh1: [y, z, x][rgb]. */
export function ply(gaussians) {
  const degree1 = gaussians.some(({ sh1 }) => sh1);
  const rows = gaussians.map(({ at, colour, opacity, size, sh1 }) => [
    ...at,
    ...colour.map((value) => (value - 0.5) / kShC0),
    ...(degree1 ? [0, 1, 2].flatMap((channel) => [0, 1, 2].map((k) => sh1?.[k]?.[channel] ?? 0)) : []),
    Math.log(opacity / (1 - opacity)),
    ...Array(3).fill(Math.log(size)),
    1, 0, 0, 0,
  ]); // prettier-ignore
  return ply_file(degree1 ? 9 : 0, rows);
}

/** Such a file of Gaussians as a trained scene has them, around (0, 0, 4): needles and discs turned any way, faint and opaque, with harmonics of degree 3. */
export function random_ply(count) {
  let state = 1;
  const random = (low, high) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0), low + ((high - low) * state) / 2 ** 32); // Numerical Recipes' generator
  const many = (length, low, high) => Array.from({ length }, () => random(low, high));
  const row = () => [...many(2, -1.6, 1.6), random(3, 5), ...many(3, -1.2, 1.2), ...many(45, -0.25, 0.25), random(-2, 4), ...many(3, -4.5, -2), ...many(4, -1, 1)];
  return ply_file(45, Array.from({ length: count }, row));
}

const camera_space = (m, at) => [0, 1, 2].map((row) => m[4 * row] * at[0] + m[4 * row + 1] * at[1] + m[4 * row + 2] * at[2] + m[4 * row + 3]);
const centre = (m) => [0, 1, 2].map((axis) => -(m[axis] * m[3] + m[4 + axis] * m[7] + m[8 + axis] * m[11]));

function colour_from(gaussian, eye) {
  const away = gaussian.at.map((value, axis) => value - eye[axis]);
  const [x, y, z] = away.map((value) => value / Math.hypot(...away));
  const basis = [-kShC1 * y, kShC1 * z, -kShC1 * x];
  return gaussian.colour.map((value, channel) => Math.max(0, value + basis.reduce((sum, b, k) => sum + b * (gaussian.sh1?.[k]?.[channel] ?? 0), 0)));
}

/** A view's picture, [height, width, 3] of 0 to 255, before it is rounded. */
export function rendered(gaussians, view, background = [0, 0, 0]) {
  const { width, height, fx, fy, cx, cy, camera_from_world: m } = view;
  const eye = centre(m);
  const ordered = gaussians.map((gaussian) => ({ ...gaussian, seen: camera_space(m, gaussian.at), light: colour_from(gaussian, eye) })).sort((a, b) => a.seen[2] - b.seen[2]);
  const picture = new Float64Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let through = 1;
      const sum = [0, 0, 0];
      for (const { seen: [x, y, z], size, opacity, light } of ordered) {
        // J J^T size², with J the derivative of the projection.
        const [jx, jy, jxz, jyz] = [fx / z, fy / z, (-fx * x) / (z * z), (-fy * y) / (z * z)];
        const a = size * size * (jx * jx + jxz * jxz) + kLowPass;
        const b = size * size * jxz * jyz;
        const c = size * size * (jy * jy + jyz * jyz) + kLowPass;
        const [dx, dy] = [column + 0.5 - ((fx * x) / z + cx), row + 0.5 - ((fy * y) / z + cy)];
        const distance = (c * dx * dx - 2 * b * dx * dy + a * dy * dy) / (a * c - b * b);
        const alpha = Math.min(kMaxAlpha, opacity * Math.exp(-distance / 2));
        if (alpha < kMinAlpha) continue;
        light.forEach((value, channel) => (sum[channel] += through * alpha * value));
        through *= 1 - alpha;
      }
      sum.forEach((value, channel) => (picture[3 * (row * width + column) + channel] = 255 * Math.min(1, value + through * background[channel])));
    }
  }
  return picture;
}
