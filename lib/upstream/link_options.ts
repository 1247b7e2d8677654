import type { Logger } from "../base/log.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { UpstreamListener } from "./upstream_listener.ts";

/** What a link is for. */
export interface LinkOptions {
  /** `connect` only asks whether the server accepts the `connect` command. */
  readonly kind: "play" | "publish" | "connect";
  readonly request: StreamRequest;
  /** The client whose `connect` is repeated at the server; required when `kind` is `connect`. */
  readonly client?: ConnectRequest;
  readonly listener: UpstreamListener;
  readonly logger: Logger;
  /**
   * Whether there is another origin to try. Then a server that keeps the play waiting, because no
   * one publishes there, is abandoned after `startTimeoutMs`. Asked whenever that matters.
   */
  readonly hasAlternative: () => boolean;
  /** As in the options of `LinkWatch`. */
  readonly mayIgnorePings?: boolean;
  /**
   * Returns how far back the stream is wanted, in ms; 0 from the newest keyframe. Asked when the
   * server can be asked, however long connecting has taken.
   */
  readonly backlogMs: () => number;
  /** Whether a play that has to wait for a publisher is to be refused; not every server does. */
  readonly wantsAnswer?: boolean;
}
