/** What all streams of an edge vhost share. */

import type { UpstreamTotals } from "../net/upstream_snapshot.ts";
import type { OriginSet } from "./origin_set.ts";
import type { UpstreamContext } from "./upstream.ts";

/** See the file comment. */
export interface EdgeContext extends UpstreamContext {
  readonly origins: OriginSet;
  /** Added to by every pull and push. */
  readonly totals: UpstreamTotals;
}
