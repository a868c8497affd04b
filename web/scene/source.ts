// Where the scene comes from: the server that sent this page, or the page itself where it was exported.

import type { Info } from "./types";

export interface Source {
  info(): Promise<Info>;
  /** The scene's bytes as they come: what orrery/serve/scene/spark_arrays.h describes. */
  bytes(info: Info): Promise<ReadableStream<Uint8Array>>;
}

async function answer(path: string): Promise<Response> {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error((await response.json().catch(() => null))?.error?.message ?? response.statusText);
  return response;
}

const server: Source = {
  info: async () => (await answer("/api/scene/info")).json() as Promise<Info>,
  bytes: async (info) => (await answer("/api/scene/bytes?revision=" + encodeURIComponent(info.revision))).body!,
};

function exported(info: string, scene: string): Source {
  return {
    info: async () => JSON.parse(info) as Info,
    bytes: async () => {
      const text = atob(scene);
      const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      return new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    },
  };
}

export function source(): Source {
  const info = document.getElementById("scene-info");
  const scene = document.getElementById("scene-bytes");
  return info && scene ? exported(info.textContent!, scene.textContent!) : server;
}
