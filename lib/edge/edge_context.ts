import type { VhostConfig } from "../config/config.ts";
import type { SlateDeps } from "../server/slate.ts";
import type { OriginSet } from "../upstream/origin_set.ts";
import type { UpstreamContext } from "../upstream/upstream_context.ts";
import type { UpstreamTotals } from "../upstream/upstream_snapshot.ts";

/** What all streams of an edge vhost share. */
export interface EdgeContext extends UpstreamContext {
  /** The settings of the vhost in force. They may change, so ask at use. */
  readonly config: () => VhostConfig;
  readonly origins: OriginSet;
  /** For `play.fallback`; without them, no slate is shown. */
  readonly slates?: SlateDeps | undefined;
  /** Every pull and push adds to them. */
  readonly totals: UpstreamTotals;
}
