import { concatBytes } from "../../lib/base/bytes.ts";
import type { VhostConfig } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import type { DvrFile, DvrFiles } from "../../lib/dvr/dvr_files.ts";
import { DvrService, type RecordedFile } from "../../lib/dvr/dvr_service.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { type FlvTag, readFlv } from "../../lib/media/flv_file.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { LineKeeper } from "../helpers/line_keeper.ts";
import { until } from "../helpers/until.ts";
import { RigPublisher } from "../hls/rig.ts";

const VIDEO = 9;

/** Small, so that some messages take several chunks. */
const CHUNK_BYTES = 128;

/** A file in memory. */
class MemoryFile implements DvrFile {
  readonly #files: MemoryDisk;
  bytes = new Uint8Array(0);
  isClosed = false;

  constructor(files: MemoryDisk) {
    this.#files = files;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#files.gate;
    const room = this.#files.room - bytes.length;
    this.bytes = concatBytes([this.bytes, bytes.subarray(0, this.#files.room)]);
    this.#files.room = Math.max(0, room);
    if (room < 0) throw new Error("No space left on device (os error 28)");
  }

  patch(offset: number, bytes: Uint8Array): Promise<void> {
    this.bytes.set(bytes, offset);
    return Promise.resolve();
  }

  truncate(length: number): Promise<void> {
    this.bytes = this.bytes.slice(0, length);
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A disk in memory, with faults on demand. */
class MemoryDisk implements DvrFiles {
  readonly files = new Map<string, MemoryFile>();
  /** Bytes that fit. */
  room = Infinity;
  /** Appends wait for this while set. */
  gate: Promise<void> | null = null;
  /** Thrown for every new file while set. */
  fault: Error | null = null;

  create(path: string): Promise<DvrFile | null> {
    if (this.fault !== null) return Promise.reject(this.fault);
    if (this.files.has(path)) return Promise.resolve(null);
    const file = new MemoryFile(this);
    this.files.set(path, file);
    return Promise.resolve(file);
  }

  exists(path: string): Promise<boolean> {
    return Promise.resolve(this.files.has(path));
  }

  rename(from: string, to: string): Promise<boolean> {
    if (this.files.has(to)) return Promise.resolve(false);
    this.files.set(to, this.files.get(from)!);
    this.files.delete(from);
    return Promise.resolve(true);
  }

  remove(path: string): Promise<void> {
    this.files.delete(path);
    return Promise.resolve();
  }

  /** Puts an empty file there. */
  occupy(path: string): void {
    this.files.set(path, new MemoryFile(this));
  }

  /** All paths, sorted. */
  get paths(): string[] {
    return [...this.files.keys()].sort();
  }

  bytesOf(path: string): Uint8Array {
    return this.files.get(path)!.bytes;
  }
}

function configOf(directives: string): VhostConfig {
  const path = directives.includes("dvr_path")
    ? ""
    : "dvr_path rec/[app]/[stream].[timestamp].flv;";
  const text = `listen 1935; vhost v { dvr { enabled on; ${path} ${directives} } }`;
  return parseConfig(text, "x.conf", { readFile: () => undefined }).config.vhosts.get("v")!;
}

/** Recordings without a disk: a hub, a fake clock, files in memory. */
export class DvrRig {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly hub: Hub;
  readonly service: DvrService;
  /** Files that are complete. */
  readonly recorded: RecordedFile[] = [];
  readonly vhost: { config: VhostConfig };
  readonly #logger = new LineKeeper();
  /** Time of day. */
  wallMs = 1_700_000_000_000;

  /** @param directives Those inside `dvr { … }`, without `enabled`. */
  constructor(directives = "") {
    this.vhost = { config: configOf(directives) };
    this.service = new DvrService({
      clock: this.clock,
      logger: this.#logger,
      files: this.disk,
      chunkSize: CHUNK_BYTES,
      wallMs: () => this.wallMs,
      onFile: (file) => this.recorded.push(file),
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
        if (type === "began" || type === "resumed") this.service.watch(stream, this.vhost);
      },
    });
  }

  /** Replaces the settings of the vhost. */
  configure(directives: string): void {
    this.vhost.config = configOf(directives);
    this.service.configure(this.vhost, this.hub.streams());
  }

  /** Warnings with their fixes, and errors. */
  get lines(): readonly string[] {
    return this.#logger.lines;
  }

  publish(
    name = "live/show",
    options: ConstructorParameters<typeof RigPublisher>[1] = {},
  ): RigPublisher {
    return new RigPublisher(this.hub.open(name), options);
  }

  /** Lets a period pass in which files are written. */
  async write(): Promise<void> {
    await this.clock.advance(500);
    for (let round = 0; round < 40; round++) await this.clock.settle();
  }

  /** Lets the service write until `isDone`. */
  async poll(what: string, isDone: () => boolean): Promise<void> {
    await until(what, async () => {
      await this.write();
      return isDone();
    }, { timeoutMs: 5000, everyMs: 1 });
  }

  /** Waits until `count` files are complete. @returns their paths */
  async untilRecorded(count: number): Promise<string[]> {
    await this.poll(`${count} files`, () => this.recorded.length >= count);
    return this.recorded.map(({ path }) => path);
  }

  /** The tags of a file. */
  tags(path: string): FlvTag[] {
    return readFlv(this.disk.bytesOf(path)).tags;
  }

  /** What is in a file: `v0 a0 v100`, times in ms; headers are `V0` and `A0`, data is `d`. */
  summary(path: string): string {
    return this.tags(path).map(({ typeId, timestampMs, payload }) => {
      if (typeId === 18) return "d";
      const letter = typeId === VIDEO ? "v" : "a";
      return (payload[1] === 0 ? letter.toUpperCase() : letter) + timestampMs;
    }).join(" ");
  }

  /** The numbers of the video frames in a file. */
  frames(path: string): number[] {
    return this.tags(path).flatMap(({ typeId, payload }) =>
      typeId === VIDEO && payload[1] === 1 ? [idOf(payload)] : []
    );
  }

  async close(): Promise<void> {
    let isClosed = false;
    void this.service.close().then(() => isClosed = true);
    await until("the end", async () => {
      await this.clock.settle();
      return isClosed;
    }, { timeoutMs: 5000, everyMs: 1 });
  }
}

function idOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(10) - 0x80000000;
}
