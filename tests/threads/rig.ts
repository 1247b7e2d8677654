import { requestFor } from "../helpers/edge_rig.ts";
import { hashText } from "../../lib/base/hash_text.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheels } from "../../lib/io/flush_wheel.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import type { VhostService } from "../../lib/server/vhost_service.ts";
import { Bridge } from "../../lib/threads/bridge.ts";
import type { BridgePort } from "../../lib/threads/bridge_link.ts";
import { CHUNK_SIZE } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { TestPlayer, TestPublisher } from "../helpers/vhost_rig.ts";

const VHOST = "__defaultVhost__";

/** One end of a channel in memory. Copies what is posted, as a `MessagePort` does. */
export class MemoryPort implements BridgePort {
  onmessage: ((event: MessageEvent) => void) | null = null;
  peer: MemoryPort | null = null;
  postCount = 0;

  static pair(): [MemoryPort, MemoryPort] {
    const ends: [MemoryPort, MemoryPort] = [new MemoryPort(), new MemoryPort()];
    [ends[0].peer, ends[1].peer] = [ends[1], ends[0]];
    return ends;
  }

  postMessage(message: unknown): void {
    this.postCount++;
    const data = structuredClone(message);
    queueMicrotask(() => this.peer?.onmessage?.(new MessageEvent("message", { data })));
  }

  close(): void {
    this.peer = null;
  }
}

/** A worker with one origin vhost. */
export class FakeWorker {
  readonly bridge: Bridge;
  readonly inner: LocalVhost;
  readonly hub: Hub;
  readonly mirrors: Hub;
  readonly vhost: VhostService;

  constructor(
    index: number,
    count: number,
    clock: FakeClock,
    config = defaultConfig().vhosts.get(VHOST)!,
  ) {
    const options = {
      chunkSize: CHUNK_SIZE,
      isAbsoluteTime: false,
      maxLagMs: 30_000,
      maxBytes: 1_000_000,
      maxMessages: 2_500,
      keepBackMs: 3_500,
    };
    const wheel = new FlushWheels(new FlushQueue(clock), clock).for(20);
    this.hub = new Hub(options);
    this.mirrors = new Hub(options);
    this.bridge = new Bridge({ index, count, chunkSize: CHUNK_SIZE, wheel, clock });
    this.inner = new LocalVhost({ config, hub: this.hub, clock });
    this.vhost = this.bridge.wrap(this.inner, this.mirrors);
  }
}

/** Two workers. The first owns the stream that tests play. */
export class BridgeRig {
  readonly clock = new FakeClock();
  readonly first = new FakeWorker(0, 2, this.clock);
  second = new FakeWorker(1, 2, this.clock);
  /** Owned by the first worker. */
  readonly name = nameAt(0);

  constructor() {
    this.link();
  }

  link(): void {
    const [left, right] = MemoryPort.pair();
    this.first.bridge.connect(1, left);
    this.second.bridge.connect(0, right);
  }

  /** Waits longer than two events in a row need to cross. */
  async settle(): Promise<void> {
    await this.clock.advance(60);
  }

  /** Whether a newcomer at `worker` may have the name. */
  async hasRoom(worker: FakeWorker): Promise<boolean | null> {
    let answer: boolean | null = null;
    const request = requestFor(this.name);
    const reservation = worker.vhost.reserve(request, (hasRoom) => answer = hasRoom);
    if (reservation.isGranted) answer = true;
    await this.clock.advance(1_600);
    reservation.release();
    await this.settle();
    return answer;
  }

  async play(worker: FakeWorker): Promise<TestPlayer> {
    const player = new TestPlayer(worker.vhost, this.name);
    await this.settle();
    return player;
  }

  async publish(worker: FakeWorker): Promise<TestPublisher> {
    const publisher = new TestPublisher(worker.vhost, this.name);
    await this.settle();
    return publisher;
  }
}

/** Returns the name of a stream that worker `index` of two owns. */
export function nameAt(index: number): string {
  for (let number = 0;; number++) {
    if (hashText(`${VHOST}/live/show${number}`) % 2 === index) return `show${number}`;
  }
}
