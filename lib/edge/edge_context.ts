/** What all streams of an edge vhost share. */

import type { OriginSet } from "./origin_set.ts";
import type { UpstreamContext } from "./upstream.ts";
import type { UpstreamTotals } from "./upstream_report.ts";

/** See the file comment. */
export interface EdgeContext extends UpstreamContext {
  readonly origins: OriginSet;
  /** Added to by every pull and push. */
  readonly totals: UpstreamTotals;
}
