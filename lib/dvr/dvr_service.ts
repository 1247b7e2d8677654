import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { VhostConfig } from "../config/config.ts";
import type { DvrConfig } from "../config/dvr_config.ts";
import type { LoadCmaf } from "../hls/segment_mux.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { DvrFiles } from "./dvr_files.ts";
import type { FileFormat } from "./file_format.ts";
import { FlvFormat } from "./flv_format.ts";
import { Mp4Format } from "./mp4_format.ts";
import { Recording, type RecordingReport, type RecordingTotals } from "./recording.ts";

/** What recordings need of a vhost: its settings in force. */
interface DvrVhost {
  readonly config: VhostConfig;
}

/** A file that is complete. */
export interface RecordedFile {
  readonly vhost: DvrVhost;
  readonly path: string;
  /** Who published; null if unknown. */
  readonly request: StreamRequest | null;
}

/** Options of {@linkcode DvrService}. */
interface DvrServiceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: DvrFiles;
  /** Chunk size of all streams' logs, in bytes. */
  readonly chunkSize: number;
  /** Returns the time of day, in ms since 1970. */
  readonly wallMs: () => number;
  readonly onFile: (file: RecordedFile) => void;
}

/** How often files are written. A server that dies loses no more of them. */
const WRITE_PERIOD_MS = 500;

/** Recordings that are read in one turn of the event loop: about a millisecond of work. */
const TURN_RECORDINGS = 8;

/** How long a server that stops waits for the disk, in ms. */
const CLOSE_WAIT_MS = 5000;

/** Records the streams of a server. Settings are read when a file is opened. */
export class DvrService {
  readonly #options: DvrServiceOptions;
  readonly #recordings = new Map<Stream, Recording>();
  /** By vhost. */
  readonly #totals = new Map<string, RecordingTotals>();
  /** Recordings that are being completed. */
  readonly #stopping = new Set<Promise<void>>();
  #cmaf: ReturnType<LoadCmaf> | null = null;
  #cancelTimer: CancelTimer | null = null;

  constructor(options: DvrServiceOptions) {
    this.#options = options;
  }

  /**
   * Prepares for a vhost. Loading the muxer of MP4 blocks the event loop for 50 to 150 ms, so that
   * is done before there are streams.
   */
  prepare({ enabled, path }: DvrConfig): void {
    if (enabled && path.endsWith(".mp4")) void this.#loadCmaf();
  }

  /** Records `stream`, which a source begins to feed, if the vhost's settings ask for it. */
  watch(stream: Stream, vhost: DvrVhost): void {
    const present = this.#recordings.get(stream);
    if (present !== undefined) return present.noteSource();
    if (!isRecorded(stream, vhost)) return;
    const recording = this.#create(stream, vhost);
    this.#recordings.set(stream, recording);
    recording.start();
    this.#cancelTimer ??= this.#schedule();
  }

  /** Applies other settings: begins and ends recordings of the present `streams` of a vhost. */
  configure(vhost: DvrVhost, streams: Iterable<Stream>): void {
    this.prepare(vhost.config.dvr);
    for (const [stream, recording] of this.#recordings) {
      if (recording.vhost === vhost && !isRecorded(stream, vhost)) this.#stop(recording);
    }
    for (const stream of streams) {
      if (stream.hasSource && !this.#recordings.has(stream)) this.watch(stream, vhost);
    }
  }

  /** Completes the recordings of a vhost that is removed. */
  release(vhost: DvrVhost): void {
    for (const recording of this.#recordings.values()) {
      if (recording.vhost === vhost) this.#stop(recording);
    }
  }

  /** Completes all files, as far as the disk takes them in time. */
  async close(): Promise<void> {
    for (const recording of this.#recordings.values()) this.#stop(recording);
    const { clock } = this.#options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(CLOSE_WAIT_MS, late.resolve);
    await Promise.race([Promise.all(this.#stopping), late.promise]);
    cancel();
    this.#cancelTimer?.();
  }

  /** The file of `stream` that is being written; null without. */
  reportOf(stream: Stream): RecordingReport | null {
    return this.#recordings.get(stream)?.report ?? null;
  }

  /** Totals of a vhost since the start. */
  totalsOf(vhost: string): Readonly<RecordingTotals> {
    let totals = this.#totals.get(vhost);
    if (totals === undefined) {
      totals = { active: 0, writtenBytes: 0, failures: 0 };
      this.#totals.set(vhost, totals);
    }
    return totals;
  }

  #create(stream: Stream, vhost: DvrVhost): Recording {
    const { files, chunkSize, wallMs, onFile } = this.#options;
    return new Recording({
      ...{ stream, vhost, files, chunkSize, wallMs },
      logger: this.#options.logger.for("dvr", stream.name),
      totals: this.totalsOf(vhost.config.name),
      createFormat: (config, logger) => this.#createFormat(config, logger),
      onFile: (path, request) => onFile({ vhost, path, request }),
    });
  }

  #createFormat({ path, waitKeyframe }: DvrConfig, logger: Logger): FileFormat {
    if (!path.endsWith(".mp4")) return new FlvFormat();
    return new Mp4Format({
      clock: this.#options.clock,
      loadCmaf: () => this.#loadCmaf(),
      waitKeyframe,
      onOmitted: (codecName) =>
        logger.warning(`Recording omits ${codecName}: MP4 cannot hold it`, {
          fix: "end dvr_path in .flv, which holds every codec",
        }),
    });
  }

  #loadCmaf(): ReturnType<LoadCmaf> {
    return this.#cmaf ??= import("../hls/cmaf_mux.ts");
  }

  /** Completes a recording; {@linkcode close} waits for it, and nothing else. */
  #stop(recording: Recording): void {
    this.#recordings.delete(recording.stream);
    const stopped = recording.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }

  #schedule(): CancelTimer {
    return this.#options.clock.after(WRITE_PERIOD_MS, () => {
      this.#writeTurn([...this.#recordings.values()]);
      this.#cancelTimer = this.#recordings.size > 0 ? this.#schedule() : null;
    });
  }

  /** Writes some recordings, the others in later turns: players are served in between. */
  #writeTurn(recordings: readonly Recording[]): void {
    for (const recording of recordings.slice(0, TURN_RECORDINGS)) {
      if (this.#recordings.get(recording.stream) !== recording) continue;
      if (recording.isOver) this.#stop(recording);
      else void recording.write();
    }
    const rest = recordings.slice(TURN_RECORDINGS);
    if (rest.length > 0) this.#options.clock.yield(() => this.#writeTurn(rest));
  }
}

function isRecorded({ name }: Stream, { config: { dvr } }: DvrVhost): boolean {
  return dvr.enabled && (dvr.streams.length === 0 || dvr.streams.includes(name));
}
