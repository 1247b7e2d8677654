/** What all streams of an edge vhost share. */

import type { UpstreamTotals } from "./upstream_snapshot.ts";
import type { OriginSet } from "./origin_set.ts";
import type { UpstreamContext } from "./upstream.ts";

/** How often budgets and silences are looked at, in ms. */
export const WATCH_PERIOD_MS = 100;

/** See the file comment. */
export interface EdgeContext extends UpstreamContext {
  readonly origins: OriginSet;
  /** Added to by every pull and push. */
  readonly totals: UpstreamTotals;
}
