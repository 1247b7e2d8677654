import { diffU32 } from "../base/u32.ts";
import type { DvrConfig } from "../config/dvr_config.ts";
import type { HeaderSet } from "../hub/header_set.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { classifyVideo, isFrame, isSideData, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { DvrFile, DvrFiles } from "./dvr_files.ts";
import type { FileFormat, RecordedMessage } from "./file_format.ts";
import { numberedPath } from "./recording_path.ts";

/** What a {@linkcode RecordingFile} is opened with. */
interface RecordingFileOptions {
  readonly files: DvrFiles;
  /** The path when it is complete. */
  readonly path: string;
  readonly format: FileFormat;
  readonly config: DvrConfig;
  /** Who publishes; null if unknown. */
  readonly request: StreamRequest | null;
  /** Time of day at its first frame, in ms since 1970. */
  readonly startedAtMs: number;
}

/** A message of the stream's log. */
export interface LoggedMessage {
  readonly typeId: number;
  /** Stream time, u32. */
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** Names that are tried before a recording fails. */
const MAX_NAMES = 1000;

const UNFINISHED = ".tmp";

/** A recording on the disk: under a temporary name until it is complete, as SRS does. */
export class RecordingFile {
  readonly config: DvrConfig;
  readonly request: StreamRequest | null;
  readonly startedAtMs: number;
  readonly #files: DvrFiles;
  readonly #file: DvrFile;
  readonly #format: FileFormat;
  readonly #path: string;
  #takenNames: number;
  readonly #clock = new FileClock();
  #writtenBytes = 0;
  #hasKeyframe = false;
  #hasVideo = false;

  private constructor(options: RecordingFileOptions, file: DvrFile, takenNames: number) {
    this.config = options.config;
    this.request = options.request;
    this.startedAtMs = options.startedAtMs;
    this.#files = options.files;
    this.#format = options.format;
    this.#path = options.path;
    this.#file = file;
    this.#takenNames = takenNames;
  }

  /**
   * Creates the file, under a name that nothing has.
   *
   * @throws what the file system throws, and {Error} when all names are taken.
   */
  static async open(options: RecordingFileOptions): Promise<RecordingFile> {
    const { files, path } = options;
    for (let count = 0; count < MAX_NAMES; count++) {
      const name = numberedPath(path, count);
      if (await files.exists(name)) continue;
      const file = await files.create(name + UNFINISHED);
      if (file !== null) return new RecordingFile(options, file, count);
    }
    throw new Error(`all of ${MAX_NAMES} names are taken`);
  }

  /** Where it is now. */
  get path(): string {
    return numberedPath(this.#path, this.#takenNames) + UNFINISHED;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Stream time from its first frame to its newest, in ms. */
  get durationMs(): number {
    return this.#clock.elapsedMs;
  }

  /** Whether it must end before `message`: the plan says so, or the format. */
  endsBefore(message: LoggedMessage): boolean {
    const { plan, durationMs } = this.config;
    if (this.#format.endsBefore(this.#timed(message))) return true;
    if (plan !== "segment" || this.#clock.elapsedAt(message.timestampMs) < durationMs) return false;
    return this.#mayStartAt(message);
  }

  /** Writes the headers in force. */
  pushHeaders(headers: HeaderSet, timestampMs: number, chunkSize: number): void {
    for (const message of splitMessages(headers.encode(timestampMs, chunkSize), chunkSize)) {
      const { typeId } = message;
      this.push({ typeId, timestampMs, payload: payloadOf(message, chunkSize) });
    }
  }

  /** Takes a message. As in SRS, audio is written before the first keyframe, video is not. */
  push(message: LoggedMessage): void {
    const { typeId, payload } = message;
    if (typeId === MessageType.VIDEO && !isSideData(typeId, payload)) {
      this.#hasKeyframe ||= classifyVideo(payload) === VideoKind.keyframe;
      if (!this.#hasKeyframe && this.config.waitKeyframe) return;
      this.#hasVideo = true;
    }
    if (isFrame(typeId, payload)) this.#clock.note(message.timestampMs);
    this.#format.push(this.#timed(message));
  }

  /** Later video is written from the next keyframe on, because some is missing. */
  skip(): void {
    this.#hasKeyframe = false;
  }

  /** Writes what was pushed. @returns how many bytes */
  async flush(): Promise<number> {
    return await this.#append(await this.#format.take());
  }

  /** Completes the file. @returns its path */
  async finish(): Promise<string> {
    await this.#append(await this.#format.takeRest());
    return await this.#complete();
  }

  /** Completes the file after a failure. @returns its path; null if nothing was written */
  async salvage(): Promise<string | null> {
    if (this.#writtenBytes > 0) {
      await this.#file.truncate(this.#writtenBytes);
      return await this.#complete();
    }
    this.#file.close();
    await this.#files.remove(this.path);
    return null;
  }

  async #complete(): Promise<string> {
    for (const { offset, bytes } of this.#format.patches(this.#writtenBytes)) {
      await this.#file.patch(offset, bytes);
    }
    this.#file.close();
    return await this.#rename();
  }

  async #append(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return 0;
    await this.#file.append(bytes);
    this.#writtenBytes += bytes.length;
    this.#format.noteWritten();
    return bytes.length;
  }

  async #rename(): Promise<string> {
    const from = this.path;
    for (; this.#takenNames < MAX_NAMES; this.#takenNames++) {
      const to = numberedPath(this.#path, this.#takenNames);
      if (await this.#files.rename(from, to)) return to;
    }
    return from;
  }

  #timed(message: LoggedMessage): RecordedMessage {
    const { typeId, timestampMs, payload } = message;
    const timeMs = this.config.startsAtZero
      ? this.#clock.elapsedAt(timestampMs)
      : this.#clock.streamAt(timestampMs);
    return { typeId, timeMs, payload };
  }

  /** Whether a file may begin with this frame. */
  #mayStartAt({ typeId, payload }: LoggedMessage): boolean {
    if (!isFrame(typeId, payload)) return false;
    if (!this.config.waitKeyframe || !this.#hasVideo) return true;
    return typeId === MessageType.VIDEO && classifyVideo(payload) === VideoKind.keyframe;
  }
}

/** Stream time since the first frame of a file. Unwraps u32 timestamps. */
class FileClock {
  #firstMs = -1;
  /** Unwrapped. */
  #newestMs = 0;
  #newestU32 = 0;

  get elapsedMs(): number {
    return this.#firstMs < 0 ? 0 : this.#newestMs - this.#firstMs;
  }

  note(timestampMs: number): void {
    const isFirst = this.#firstMs < 0;
    this.#newestMs = isFirst ? timestampMs : this.#newestMs + diffU32(timestampMs, this.#newestU32);
    this.#newestU32 = timestampMs;
    if (isFirst) this.#firstMs = timestampMs;
  }

  /** Returns the time since the first frame; 0 for what precedes it. */
  elapsedAt(timestampMs: number): number {
    return this.#firstMs < 0 ? 0 : Math.max(0, this.streamAt(timestampMs) - this.#firstMs);
  }

  streamAt(timestampMs: number): number {
    if (this.#firstMs < 0) return timestampMs;
    return this.#newestMs + diffU32(timestampMs, this.#newestU32);
  }
}
