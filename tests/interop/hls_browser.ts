/**
 * Opens a page that plays HLS, `hls_page.html`, in Chromium for a while and prints what the page saw, as
 * JSON: `hls_browser.ts URL SECONDS`. `hls_long_test.ts` runs this file.
 */

import { delay } from "../helpers/until.ts";
import { ConsolePage } from "./console_page.ts";

/** One of the page's regular looks at its `<video>`. */
export interface Look {
  /** Of the page's clock. */
  readonly atMs: number;
  /** `currentTime`. */
  readonly mediaMs: number;
  /** Decoded so far, with those that were `dropped`. */
  readonly frames: number;
  readonly dropped: number;
}

/** What the page saw. */
export interface Watched {
  readonly looks: readonly Look[];
  /** Events that say the picture stands still, or may soon. */
  readonly pauses: readonly { readonly type: string; readonly atMs: number }[];
  /** Of the `<video>`. */
  readonly error: string | null;
  /** What the browser's console says. */
  readonly complaints: readonly string[];
}

/** Plays for so many seconds from the first picture on. */
async function watch(url: string, seconds: number): Promise<Watched> {
  await using opened = await ConsolePage.open(url);
  await opened.until("watched.error !== null || video.currentTime > 0");
  await delay(seconds * 1000);
  return { ...await opened.read<Watched>("watched"), complaints: opened.complaints };
}

if (import.meta.main) {
  const [url, seconds] = Deno.args;
  const watched = await watch(url!, Number(seconds));
  await new Blob([JSON.stringify(watched)]).stream().pipeTo(Deno.stdout.writable);
}
