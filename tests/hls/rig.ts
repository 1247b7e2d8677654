import type { VhostConfig } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import type { HlsFiles } from "../../lib/hls/hls_files.ts";
import { type CompleteSegment, HlsService } from "../../lib/hls/hls_service.ts";
import { Hub } from "../../lib/hub/hub.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import type { Stream } from "../../lib/hub/stream.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { LineKeeper } from "../helpers/line_keeper.ts";
import { hex } from "../helpers/hex.ts";
import { until } from "../helpers/until.ts";

/** Audio (8) and video (9) messages. */
const AUDIO = 8;
const VIDEO = 9;

/** AVC, 64x36, as libx264 announces it; AAC-LC, 44100 Hz, stereo. */
export const AVC_CONFIG = hex(`17 00 000000
  01 64000A FF E1 0017 6764000AACB423FCF8088000000300800000 0A07891350 01 0004 68EE3CB0`);
export const AAC_CONFIG = hex("AF 00 1210");

/** Small, so that some messages take several chunks. */
const CHUNK_BYTES = 128;

/** A video frame of one NAL unit; `id` makes it unique. */
export function videoFrame(isKey: boolean, id: number, bytes = 40): Uint8Array {
  const payload = new Uint8Array(9 + bytes).fill(0x11);
  payload.set(hex(isKey ? "17 01 000000" : "27 01 000000"));
  const view = new DataView(payload.buffer);
  view.setUint32(5, bytes);
  payload[9] = isKey ? 0x65 : 0x41;
  view.setUint32(10, 0x80000000 + id);
  return payload;
}

/** An audio frame; `id` makes it unique. */
export function audioFrame(id: number): Uint8Array {
  const payload = hex("AF 01 21 00000000 11111111");
  new DataView(payload.buffer).setUint32(3, 0x80000000 + id);
  return payload;
}

/** Files in memory, with faults on demand. */
export class MemoryFiles implements HlsFiles {
  readonly contents = new Map<string, Uint8Array>();
  /** Thrown by every write while set. */
  fault: Error | null = null;
  /** Writes wait for this while set. */
  gate: Promise<void> | null = null;

  read(path: string): Promise<string | null> {
    const content = this.contents.get(path);
    return Promise.resolve(content === undefined ? null : new TextDecoder().decode(content));
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    await this.gate;
    if (this.fault !== null) throw this.fault;
    this.contents.set(path, content);
  }

  remove(path: string): Promise<void> {
    this.contents.delete(path);
    return Promise.resolve();
  }

  /** All paths, sorted. */
  get paths(): string[] {
    return [...this.contents.keys()].sort();
  }

  text(path: string): string {
    const content = this.contents.get(path);
    return content === undefined ? "" : new TextDecoder().decode(content);
  }
}

/** A publisher of a video and an audio frame every 100 ms, and a keyframe every second. */
export class RigPublisher {
  readonly handle: PublishHandle;
  /** Of a video frame. */
  frameBytes = 40;
  #timeMs: number;
  #count: number;

  constructor(stream: Stream, { firstMs = 0, firstId = 0, hasHeaders = true } = {}) {
    this.handle = stream.publish()!;
    this.#timeMs = firstMs;
    this.#count = firstId;
    if (!hasHeaders) return;
    this.push(VIDEO, AVC_CONFIG);
    this.push(AUDIO, AAC_CONFIG);
  }

  push(typeId: number, payload: Uint8Array): void {
    this.handle.push(typeId, this.#timeMs, payload, this.#timeMs);
  }

  /** Sends `seconds` of media at once. @param tracks which of them */
  send(seconds: number, tracks: "both" | "audio" | "video" = "both"): void {
    for (let left = Math.round(seconds * 10); left > 0; left--) {
      const isKey = this.#count % 10 === 0;
      const frame = videoFrame(isKey, this.#count, this.frameBytes);
      if (tracks !== "audio") this.push(VIDEO, frame);
      if (tracks !== "video") this.push(AUDIO, audioFrame(this.#count));
      this.#count++;
      this.#timeMs += 100;
    }
  }
}

function configOf(directives: string, enabled = "on"): VhostConfig {
  const hls = `hls { enabled ${enabled}; hls_path html; ${directives} }`;
  const text = `listen 1935; vhost v { ${hls} }`;
  return parseConfig(text, "x.conf", { readFile: () => undefined }).config.vhosts.get("v")!;
}

/** HLS without a disk: a hub, a fake clock, files in memory. */
export class HlsRig {
  readonly clock = new FakeClock();
  readonly files: MemoryFiles;
  readonly hub: Hub;
  readonly #logger = new LineKeeper((message) => message !== "HLS started");
  readonly #service: HlsService;
  /** What the service reported of segments that are complete. */
  readonly complete: CompleteSegment[] = [];
  #config: VhostConfig;
  /** Whether another process shares the streams. */
  hasOther = false;
  /** Time of day. */
  wallMs = 1_700_000_000_000;

  /** @param directives Those inside `hls { … }`. */
  constructor(directives = "hls_fragment 2; hls_window 6;", files = new MemoryFiles()) {
    this.#config = configOf(directives);
    this.files = files;
    this.#service = new HlsService({
      clock: this.clock,
      logger: this.#logger,
      files,
      chunkSize: CHUNK_BYTES,
      wallMs: () => this.wallMs,
      hasOther: () => this.hasOther,
      onSegment: (segment) => this.complete.push(segment),
    });
    this.hub = new Hub({
      chunkSize: CHUNK_BYTES,
      isAbsoluteTime: false,
      maxLagMs: 30_000,
      maxBytes: 1 << 24,
      maxMessages: Infinity,
      keepBackMs: 0,
    });
    this.hub.observe({
      onSourceChange: (stream, { type }) => {
        if (type === "began") this.#service.watch(stream, { config: this.#config });
      },
    });
  }

  /** Replaces the settings of the vhost. */
  configure(directives: string, enabled: "on" | "off" = "on"): void {
    this.#config = configOf(directives, enabled);
  }

  /** The stream now comes from another process, which writes its files. */
  yield(name = "live/show"): void {
    this.#service.yield(this.hub.open(name), { config: this.#config });
  }

  /** Warnings with their fixes, and other lines. */
  get lines(): readonly string[] {
    return this.#logger.lines;
  }

  publish(name = "live/show", firstMs = 0): RigPublisher {
    return new RigPublisher(this.hub.open(name), { firstMs });
  }

  /** Lets the service read and write until `isDone`. */
  async poll(what: string, isDone: () => boolean): Promise<void> {
    await this.clock.advance(200);
    await until(what, async () => {
      await this.clock.advance(0);
      return isDone();
    }, { timeoutMs: 5000, everyMs: 1 });
  }

  /** Waits until `count` segments were written since the first. */
  async untilSegments(count: number, name = "live/show"): Promise<void> {
    await this.poll(`${count} segments`, () => this.#segmentsSince(name) >= count);
  }

  /** The playlist without dates, which depend on when it was written. */
  undated(name = "live/show"): string {
    return this.playlist(name).replace(/^#EXT-X-PROGRAM-DATE-TIME.*\n/gm, "");
  }

  /** Segments written since the first one. */
  #segmentsSince(name: string): number {
    const text = this.playlist(name);
    const sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
    return text === "" ? 0 : sequence - 1_700_000_000 + (text.match(/#EXTINF/g)?.length ?? 0);
  }

  /** The text of a playlist; empty if there is none. */
  playlist(name = "live/show"): string {
    return this.files.text(`html/${name}.m3u8`);
  }

  /** Numbers in a playlist, counted from 0, with `!` before a discontinuity. */
  entries(name = "live/show"): string[] {
    const lines = this.playlist(name).split("\n");
    return lines.flatMap((line, index) => {
      const number = /-(\d+)\.(?:ts|m4s)$/.exec(line)?.[1];
      if (number === undefined) return [];
      const mark = lines.slice(0, index).findLast((each) =>
        !/^#EXT(INF|-X-MAP|-X-PROGRAM|-X-PART:)/.test(each)
      );
      return [`${mark === "#EXT-X-DISCONTINUITY" ? "!" : ""}${Number(number) - 1_700_000_000}`];
    });
  }

  async close(): Promise<void> {
    const closed = this.#service.close();
    let isClosed = false;
    closed.then(() => isClosed = true);
    await until("the end", async () => {
      await this.clock.advance(0);
      return isClosed;
    }, { timeoutMs: 5000, everyMs: 1 });
  }
}
