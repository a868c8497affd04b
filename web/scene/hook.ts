// What programs may call: `window.orrery`. Tests compare pictures of given views through it.

import type { View } from "./types";

interface Shows {
  view(): View;
  show_view(view: View): void;
  picture(view: View): Promise<Uint8Array>;
}

declare global {
  interface Window {
    orrery?: Shows & { ready: Promise<void> };
  }
}

/** `ready` holds once the scene is loaded. `picture` gives RGBA by rows from the top, as large as the view says. */
export function publish(viewer: Shows, ready: Promise<void>): void {
  window.orrery = { ready, view: () => viewer.view(), show_view: (view) => viewer.show_view(view), picture: (view) => viewer.picture(view) };
}
