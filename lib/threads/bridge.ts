import type { CancelTimer, Clock } from "../base/clock.ts";
import { hashText } from "../base/hash_text.ts";
import type { Hub } from "../hub/hub.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import type { LiveStreamsOfVhosts } from "../monitor/live_streams.ts";
import type { VhostService } from "../server/vhost_service.ts";
import type { BridgeEvent, ToAllEvent } from "./bridge_event.ts";
import { BridgeLink, type BridgePort } from "./bridge_link.ts";
import { BridgedVhost } from "./bridged_vhost.ts";
import { OwnerShard } from "./owner_shard.ts";
import { RemoteShard } from "./remote_shard.ts";

/** Options of {@linkcode Bridge}. */
interface BridgeOptions {
  /** Number of this worker, from 0. */
  readonly index: number;
  /** Number of workers. */
  readonly count: number;
  /** Chunk size of all streams, in bytes; the same in all workers. */
  readonly chunkSize: number;
  /** Paces what is sent to mirrors. */
  readonly wheel: FlushWheel;
  readonly clock: Clock;
}

/** How long after a change other workers learn what is live: codecs follow a stream's start. */
const LIVE_DELAY_MS = 1_000;

/** How long a stopping worker waits for the other workers' last events, in ms. */
const STOP_WAIT_MS = 1_000;

/** Another worker, seen from this one. */
interface Peer {
  readonly link: BridgeLink;
  /** Serves its players and publishers of streams owned here. */
  readonly owner: OwnerShard;
  /** The streams it owns, for players and publishers here. */
  readonly remote: RemoteShard;
  isStopping: boolean;
}

/**
 * Makes several workers one server. The kernel spreads clients over the workers. Every stream is
 * owned by one of them, chosen by a hash of its name, so the process has one upstream per stream
 * and publishers of one name meet in one place.
 *
 * ```
 *            this worker                              peer
 *   players ── BridgedVhost ── RemoteShard ══link══ OwnerShard ── its VhostService
 *   our VhostService ───────── OwnerShard ══link══ RemoteShard ── BridgedVhost ── its players
 * ```
 */
export class Bridge {
  readonly #options: BridgeOptions;
  /** Serve the streams owned here, by vhost name. */
  readonly #vhosts = new Map<string, VhostService>();
  readonly #peers = new Map<number, Peer>();
  #onPeerStopping: () => void = () => {};
  /** Another worker has admitted an HLS viewer. */
  onViewer: (keys: readonly string[], keepMs: number) => void = () => {};
  /** Another worker has closed an HLS viewer on an operator's order. */
  onViewerKicked: (key: string, forMs: number) => void = () => {};
  /** Another worker has sent that much to HLS viewers, by key. */
  onSent: (bytes: ReadonlyMap<string, number>) => void = () => {};
  /** Receives what is live in another worker. */
  onLive: (worker: number, streams: LiveStreamsOfVhosts) => void = () => {};
  /** Returns what is live here. */
  liveHere: () => LiveStreamsOfVhosts = () => new Map();
  #cancelLive: CancelTimer | null = null;

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /**
   * Returns the vhost that serves the clients of this worker.
   *
   * @param inner Serves the streams owned here.
   * @param mirrors Holds the mirrors of the other streams.
   */
  wrap(inner: VhostService, mirrors: Hub): VhostService {
    const { name } = inner.config;
    this.#vhosts.set(name, inner);
    for (const { owner } of this.#peers.values()) owner.onVhostAdded(name);
    return new BridgedVhost({
      inner,
      mirrors,
      shardFor: (vhost, stream) => this.#shardFor(vhost, stream),
    });
  }

  /** Serves the vhost no longer. Its clients, here and in other workers, must be closed as well. */
  unwrap(inner: VhostService): void {
    const { name } = inner.config;
    if (this.#vhosts.get(name) === inner) this.#vhosts.delete(name);
  }

  /** Connects to worker `index`, or to its replacement after it died. */
  connect(index: number, port: BridgePort): void {
    const { clock, chunkSize, wheel } = this.#options;
    const before = this.#peers.get(index);
    const link = new BridgeLink(port, clock, (event) => this.#handle(index, event));
    const owner = new OwnerShard({ link, clock, wheel, vhosts: this.#vhosts });
    const remote = before?.remote ?? new RemoteShard(link, chunkSize, clock);
    this.#peers.set(index, { link, owner, remote, isStopping: false });
    before?.owner.close();
    this.onLiveChanged();
    if (before !== undefined) remote.reconnect(link);
  }

  /** Tells all other workers at once. */
  sendAll(event: ToAllEvent): void {
    for (const { link } of this.#peers.values()) {
      link.send(event);
      link.flush();
    }
  }

  /** Tells the other workers soon what is live here. */
  onLiveChanged(): void {
    this.#cancelLive ??= this.#options.clock.after(LIVE_DELAY_MS, () => {
      this.#cancelLive = null;
      this.sendAll({ type: "live", streams: this.liveHere() });
    });
  }

  /**
   * Sends what is left to send and waits for the other workers to do the same, 1 s at most:
   * publishers that have just left there end their streams here.
   */
  async announceStop(): Promise<void> {
    this.sendAll({ type: "stopping" });
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(STOP_WAIT_MS, resolve);
      this.#onPeerStopping = () => {
        if ([...this.#peers.values()].some(({ isStopping }) => !isStopping)) return;
        cancel();
        resolve();
      };
      this.#onPeerStopping();
    });
  }

  /** Closes all links. */
  close(): void {
    this.#cancelLive?.();
    for (const { link, owner } of this.#peers.values()) {
      owner.close();
      link.close();
    }
  }

  #handle(index: number, event: BridgeEvent): void {
    const peer = this.#peers.get(index)!;
    switch (event.type) {
      case "stopping":
        peer.isStopping = true;
        return this.#onPeerStopping();
      case "viewer":
        return this.onViewer(event.keys, event.keepMs);
      case "kicked viewer":
        return this.onViewerKicked(event.key, event.forMs);
      case "sent":
        return this.onSent(event.bytes);
      case "live":
        return this.onLive(index, event.streams);
      case "play":
      case "leave":
      case "audience":
      case "publish":
      case "media":
      case "depart":
      case "reserve":
      case "release":
      case "alive":
      case "leaving":
        return peer.owner.handle(event);
      default:
        return peer.remote.handle(event);
    }
  }

  /** Null when the stream is owned here. A plain modulo will do: the number of workers is fixed. */
  #shardFor(vhost: string, stream: string): RemoteShard | null {
    const { index, count } = this.#options;
    const owner = hashText(`${vhost}/${stream}`) % count;
    return owner === index ? null : this.#peers.get(owner)!.remote;
  }
}
