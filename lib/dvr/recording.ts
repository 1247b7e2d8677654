import type { Logger } from "../base/log.ts";
import { diffU32 } from "../base/u32.ts";
import { describeError } from "../base/errors.ts";
import type { VhostConfig } from "../config/config.ts";
import type { DvrConfig } from "../config/dvr_config.ts";
import { HeaderSet } from "../hub/header_set.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { isFrame } from "../media/flv_tag.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import { isMedia, payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { DvrFiles } from "./dvr_files.ts";
import type { FileFormat } from "./file_format.ts";
import { type LoggedMessage, RecordingFile } from "./recording_file.ts";
import { recordingPath } from "./recording_path.ts";

/** What recordings of a vhost add to. */
export interface RecordingTotals {
  /** Files that are being written. */
  active: number;
  writtenBytes: number;
  /** Files that ended early, or could not be created. */
  failures: number;
}

/** A file that is being written. */
export interface RecordingReport {
  readonly file: string;
  /** Time of day at its first frame, in ms since 1970. */
  readonly startedAtMs: number;
  /** Stream time recorded, in ms. */
  readonly durationMs: number;
  readonly writtenBytes: number;
}

/** What a {@linkcode Recording} uses. */
interface RecordingOptions {
  readonly stream: Stream;
  readonly vhost: { readonly config: VhostConfig };
  readonly files: DvrFiles;
  readonly logger: Logger;
  readonly totals: RecordingTotals;
  /** Chunk size of the stream's log, in bytes. */
  readonly chunkSize: number;
  /** Returns the time of day, in ms since 1970. */
  readonly wallMs: () => number;
  readonly createFormat: (config: DvrConfig, logger: Logger) => FileFormat;
  /** A file is complete. */
  readonly onFile: (path: string, request: StreamRequest | null) => void;
}

/** What is read of the log before the file is written to. */
const PART_MESSAGES = 128;
const PART_BYTES = 1024 * 1024;

/** What the log keeps for a disk that is too slow, at most: about 16 s of 16 Mbit/s. */
const MAX_LAG_BYTES = 32 * 1024 * 1024;

const IDLE = { type: "idle" } as const;

/** See {@linkcode Recording}. */
type RecordingState =
  | typeof IDLE
  | { readonly type: "writing"; readonly file: RecordingFile }
  | {
    readonly type: "failed";
    /** Stream time. With the plan `segment` it is tried again when a segment is over. */
    readonly atTimestampMs: number;
  };

/**
 * Records one stream: follows its log like any viewer, and writes what is new to a file. Everything
 * is decided by the order of the log, so a slow disk changes nothing but the delay.
 *
 * ```
 *            a frame                    end of the stream, of a segment
 *      ┌──────┐ ───────────▶ ┌─────────┐ ────────────▶ (idle)
 * ────▶│ idle │              │ writing │
 *      └──────┘ ◀─────────── └─────────┘
 *          ▲                      │ the disk fails
 *          │  next publish,       ▼
 *          │  or segment     ┌────────┐
 *          └──────────────── │ failed │
 *                            └────────┘
 * ```
 *
 * The log holds what the disk did not take yet. Of a stream that is too far ahead, what is missed
 * is left out, up to its newest keyframe.
 */
export class Recording implements Viewer {
  readonly isPassive = true;
  readonly #options: RecordingOptions;
  #state: RecordingState = IDLE;
  #cursor = -1;
  /** Stream time of the message at the cursor. */
  #timestampMs = 0;
  /** Those in force at the cursor. */
  #headers = new HeaderSet();
  /** Who publishes at present. */
  #request: StreamRequest | null;
  #isOver = false;
  #isFailureLogged = false;
  /** The work that is under way; null without. */
  #work: Promise<void> | null = null;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#request = options.stream.sourceRequest;
  }

  get vhost(): { readonly config: VhostConfig } {
    return this.#options.vhost;
  }

  get stream(): Stream {
    return this.#options.stream;
  }

  /** Joins the stream, at its newest keyframe. */
  start(): void {
    this.stream.join(this);
    this.#moveTo();
  }

  /** As {@linkcode Viewer.cursor}; -1 as well if the log must not grow for it. */
  get cursor(): number {
    return this.stream.log.head - this.#cursor > MAX_LAG_BYTES ? -1 : this.#cursor;
  }

  /** The log says the same. */
  onLive(): void {}

  /** Another source feeds the stream. */
  noteSource(): void {
    this.#request = this.stream.sourceRequest;
  }

  /** Whether the stream is unpublished, and everything is written. */
  get isOver(): boolean {
    return this.#isOver && this.#work === null && this.#cursor >= this.stream.log.head;
  }

  /** The file that is being written; null without. */
  get report(): RecordingReport | null {
    if (this.#state.type !== "writing") return null;
    const { path, startedAtMs, durationMs, writtenBytes } = this.#state.file;
    return { file: path, startedAtMs, durationMs, writtenBytes };
  }

  /** Writes what is new. Without effect while it does. Never rejects. */
  write(): Promise<void> {
    return this.#work ??= this.#writeAll().finally(() => this.#work = null);
  }

  /** Writes the rest, completes the file and leaves the stream. Never rejects. */
  async stop(): Promise<void> {
    await this.write();
    await this.write();
    await this.#finish();
    this.stream.leave(this);
  }

  async #writeAll(): Promise<void> {
    const { log } = this.stream;
    const endAt = log.head;
    while (this.#cursor < endAt) {
      this.#catchUp();
      if (this.#cursor < 0) return;
      try {
        await this.#writePart();
      } catch (error) {
        await this.#fail(error);
      }
    }
  }

  /** Leaves out what the log no longer holds, or should not hold. */
  #catchUp(): void {
    const { log, joinPoint } = this.stream;
    const isHeld = this.#cursor >= log.tail;
    const mayRead = isHeld && log.head - this.#cursor <= MAX_LAG_BYTES;
    const isNewest = isHeld && (joinPoint === null || joinPoint.offset <= this.#cursor);
    if (mayRead || isNewest) return;
    const wasFollowing = this.#cursor >= 0;
    this.#moveTo();
    if (!wasFollowing || this.#state.type !== "writing") return;
    const { file } = this.#state;
    this.#options.logger.warning("Recording skipped a part: disk too slow", {
      vhost: this.vhost.config.name,
      file: file.path,
      fix: "set dvr_path to a folder on a faster disk",
    });
    file.skip();
    if (joinPoint === null) return;
    file.pushHeaders(this.#headers, joinPoint.timestampMs, this.#options.chunkSize);
  }

  /** Moves to the newest join point, if any. */
  #moveTo(): void {
    const { joinPoint } = this.stream;
    this.#cursor = joinPoint?.offset ?? -1;
    if (joinPoint !== null) this.#headers = joinPoint.headers;
  }

  async #writePart(): Promise<void> {
    const { chunkSize } = this.#options;
    const view = this.stream.log.view(this.#cursor);
    let bytes = 0;
    for (const message of splitMessages(view, chunkSize, PART_MESSAGES)) {
      // Counted first: a message that fails is not tried again.
      bytes += message.bytes.length;
      this.#cursor += message.bytes.length;
      const { typeId, timestampMs } = message;
      const payload = payloadOf(message, chunkSize);
      if (isMedia(typeId)) await this.#take({ typeId, timestampMs, payload });
      else if (typeId === MessageType.USER_CONTROL) await this.#takeEvent(payload[1]!);
      if (bytes >= PART_BYTES) break;
    }
    if (this.#state.type === "writing") await this.#flush(this.#state.file);
  }

  async #flush(file: RecordingFile): Promise<void> {
    this.#options.totals.writtenBytes += await file.flush();
  }

  async #takeEvent(event: number): Promise<void> {
    if (event === UserControlEvent.STREAM_EOF) {
      await this.#finish();
      this.#isOver = true;
    } else if (event === UserControlEvent.STREAM_BEGIN) {
      this.#isOver = false;
    } else {
      return;
    }
    // Headers of the next publisher follow. A failed recording is tried again with it.
    this.#headers = new HeaderSet();
    if (this.#state.type === "failed") this.#state = IDLE;
  }

  async #take(message: LoggedMessage): Promise<void> {
    const { typeId, timestampMs, payload } = message;
    this.#timestampMs = timestampMs;
    if (this.#state.type === "writing" && this.#state.file.endsBefore(message)) {
      await this.#finish();
    } else if (this.#state.type === "failed" && this.#isDue(this.#state.atTimestampMs, message)) {
      this.#state = IDLE;
    }
    if (this.#state.type === "idle" && isFrame(typeId, payload)) await this.#open(timestampMs);
    this.#headers = this.#headers.after(typeId, payload);
    if (this.#state.type === "writing") this.#state.file.push(message);
  }

  /** Whether a recording that failed at a time is tried again. */
  #isDue(atTimestampMs: number, { timestampMs }: LoggedMessage): boolean {
    const { plan, durationMs } = this.vhost.config.dvr;
    return plan === "segment" && diffU32(timestampMs, atTimestampMs) >= durationMs;
  }

  async #open(timestampMs: number): Promise<void> {
    const { files, logger, wallMs, chunkSize, totals } = this.#options;
    const { dvr: config, name: vhost } = this.vhost.config;
    const startedAtMs = wallMs();
    const path = recordingPath(config.path, { vhost, name: this.stream.name, wallMs: startedAtMs });
    if (path === null) throw new Error("the stream's name is too long for a file");
    const format = this.#options.createFormat(config, logger);
    const request = this.#request;
    const file = await RecordingFile.open({ files, path, format, config, request, startedAtMs });
    this.#state = { type: "writing", file };
    this.#isFailureLogged = false;
    totals.active++;
    file.pushHeaders(this.#headers, timestampMs, chunkSize);
    logger.info("Recording started", { vhost, file: file.path });
  }

  /** Completes the file, if any. */
  async #finish(): Promise<void> {
    if (this.#state.type !== "writing") return;
    const { file } = this.#state;
    try {
      await this.#flush(file);
      this.#announce(file, await file.finish());
      this.#end(IDLE);
    } catch (error) {
      await this.#fail(error);
    }
  }

  /** Ends a file that cannot be written. The stream is not affected. */
  async #fail(error: unknown): Promise<void> {
    const { logger, totals } = this.#options;
    const file = this.#state.type === "writing" ? this.#state.file : null;
    const failed = { type: "failed", atTimestampMs: this.#timestampMs } as const;
    totals.failures++;
    if (!this.#isFailureLogged) {
      logger.warning(`Recording failed: ${describeError(error)}`, {
        vhost: this.vhost.config.name,
        file: file?.path ?? this.vhost.config.dvr.path,
        fix: "check space and rights of the disk, for MP4 the encoder; the next file tries again",
      });
    }
    this.#isFailureLogged = true;
    if (file === null) {
      this.#state = failed;
      return;
    }
    this.#end(failed);
    try {
      const path = await file.salvage();
      if (path !== null) this.#announce(file, path);
    } catch {
      // What was written stays under its temporary name.
    }
  }

  #end(state: RecordingState): void {
    this.#state = state;
    this.#options.totals.active--;
  }

  #announce(file: RecordingFile, path: string): void {
    this.#options.logger.info("Recording complete", {
      vhost: this.vhost.config.name,
      file: path,
      seconds: Math.round(file.durationMs / 1000),
      bytes: file.writtenBytes,
    });
    this.#options.onFile(path, file.request);
  }
}
