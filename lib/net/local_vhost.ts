/** An origin: publishers and players of a stream meet in its hub. */

import { quotePeerText } from "../base/text.ts";
import type { VhostConfig } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { PublishAnswer, PublishTicket, StreamRequest, VhostService } from "./vhost_service.ts";

/** See the file comment. */
export class LocalVhost implements VhostService {
  readonly config: VhostConfig;
  readonly #hub: Hub;

  constructor(config: VhostConfig, hub: Hub) {
    this.config = config;
    this.#hub = hub;
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    const stream = this.#hub.open(request.name);
    stream.join(viewer);
    return stream;
  }

  leave(stream: Stream, viewer: Viewer): void {
    stream.leave(viewer);
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const handle = this.#hub.open(request.name).publish();
    if (handle === null) {
      answer.onRefused({
        code: StatusCode.PUBLISH_BAD_NAME,
        description: `Stream ${quotePeerText(request.name)} is being published by somebody else`,
      });
      return { leave() {} };
    }
    answer.onAccepted(handle);
    return { leave: () => handle.end("unpublished") };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
