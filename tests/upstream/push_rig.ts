/** A pusher with a publisher and two scripted origins, for tests of what becomes of a push. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { Pusher } from "../../lib/upstream/pusher.ts";
import { assertEquals } from "../helpers/assert.ts";
import {
  createStream,
  EdgeRig,
  requestFor,
  type TestStreamOptions,
  TWO_ORIGINS,
} from "../helpers/edge_rig.ts";
import type { OriginLink } from "../helpers/scripted_origin.ts";
import type { TinyMessage } from "../helpers/tiny_media.ts";

interface PushRigOptions {
  readonly cluster?: Partial<ClusterConfig>;
  readonly stream?: TestStreamOptions;
  readonly prepare?: (rig: EdgeRig) => void;
  /** Keep trying after a round in which no origin has accepted. */
  readonly isPatient?: boolean;
}

/** A pusher and its publisher. */
export class PushRig extends EdgeRig {
  readonly stream;
  readonly pusher: Pusher;
  handle: PublishHandle | null = null;
  acceptedCount = 0;
  readonly refusals: Refusal[] = [];
  displacedCount = 0;
  /** Called when an origin has accepted. */
  onAccepted = () => {};

  constructor(
    { cluster = {}, stream = {}, prepare = () => {}, isPatient = false }: PushRigOptions = {},
  ) {
    super(cluster);
    this.stream = createStream(stream);
    prepare(this);
    this.pusher = new Pusher({
      context: this.context,
      origins: this.context.origins,
      totals: this.context.totals,
      stream: this.stream,
      request: () => requestFor("show?key=1"),
      wheel: this.wheels.for(20),
      logger: this.log.logger,
      onAccepted: () => {
        this.acceptedCount++;
        this.handle = this.stream.publish();
        this.onAccepted();
      },
      onRefused: (refusal) => {
        this.refusals.push(refusal);
        if (!isPatient) this.pusher.stop();
      },
      onDisplaced: () => this.displacedCount++,
    });
    void this.pusher.start();
  }

  publish(...messages: readonly TinyMessage[]): void {
    for (const { typeId, timestampMs, payload } of messages) {
      this.handle!.push(typeId, timestampMs, payload, timestampMs);
    }
  }

  /** The publisher leaves. */
  end(): void {
    this.pusher.stop();
    this.handle?.end("unpublished");
  }

  /** Lets the publisher leave, and checks that nothing is left. */
  async finish(): Promise<void> {
    this.end();
    await this.advance(2_000);
    assertEquals(this.clock.pendingCount, 0, "timers are left");
    assertEquals(this.a.openCount + this.b.openCount, 0, "connections are left");
    assertEquals(this.stream.viewerCount, 0);
  }
}

/** Starts a push, and lets the origin accept it. */
export async function startPush(options?: PushRigOptions): Promise<PushRig> {
  const rig = new PushRig(options);
  await rig.settle();
  return rig;
}

/** Settings for both origins. */
export const TWO = { origins: TWO_ORIGINS };

/** Longer than a turn of the wheel that writes to origins. */
export const TURN_MS = 40;

/** Returns what an origin got of the stream. */
export function payloadsAt(link: OriginLink): Uint8Array[] {
  return link.media.map(({ payload }) => payload);
}
