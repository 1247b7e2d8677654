/**
 * Opens a page that plays HLS, `hls_page.html`, in Chromium for a while and prints what the page
 * recorded, as JSON: `hls_browser.ts URL SECONDS`. `hls_long_test.ts` runs this file.
 */

import { delay } from "../helpers/until.ts";
import { ConsolePage } from "./console_page.ts";

/** One of the page's periodic samples of its `<video>`. */
export interface Look {
  /** Time of the page's clock. */
  readonly atMs: number;
  /** `currentTime`. */
  readonly mediaMs: number;
  /** Frames decoded so far, including the `dropped` ones. */
  readonly frames: number;
  readonly dropped: number;
}

/** What the page recorded. */
export interface Watched {
  readonly looks: readonly Look[];
  /** Events that mean that the video stands still. */
  readonly pauses: readonly { readonly type: string; readonly atMs: number }[];
  /** Error of the `<video>`. */
  readonly error: string | null;
  /** Lines of the browser's console. */
  readonly complaints: readonly string[];
}

/** Plays for that many seconds, from the first video frame on. */
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
