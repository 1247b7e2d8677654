import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { HlsConfig } from "../config/config.ts";
import { fillSegment, fillStream, type StreamNames, withExtension } from "./file_names.ts";
import type { HlsFiles } from "./hls_files.ts";
import type { MasterEntry, MasterPlaylists } from "./master_playlists.ts";
import type { Container } from "../media/codecs.ts";
import { parsePlaylist, Playlist, type PlaylistEntry, targetSecondsOf } from "./playlist.ts";
import type { RenditionReports } from "./rendition_reports.ts";
import type { ListedSegment } from "./listed_segment.ts";
import { ListCodecs } from "./list_codecs.ts";
import { NewestInit } from "./newest_init.ts";
import { OpenSegment, partPath } from "./open_segment.ts";
import { type Part, PART_MS } from "./part.ts";
import { SegmentError } from "./segment_error.ts";
import { SegmentFiles } from "./segment_files.ts";
import type { MuxedSegment } from "./segment_mux.ts";
import type { Segment } from "./segmenter.ts";
import { VariantMeter } from "./variant.ts";
import { WallTimes } from "./wall_times.ts";
import { containerFor } from "./track.ts";

/** Options of {@linkcode HlsArchive}. */
interface HlsArchiveOptions {
  readonly names: StreamNames;
  /** The master playlists that have the stream. */
  readonly masterEntries: readonly MasterEntry[];
  readonly masters: MasterPlaylists;
  readonly reports: RenditionReports;
  readonly config: HlsConfig;
  readonly files: HlsFiles;
  readonly logger: Logger;
  /** Muxes a segment. Rejects if the packets do not match their codec. */
  readonly mux: (segment: Segment, container: Container) => Promise<MuxedSegment>;
  /** Returns the time of day, in ms since 1970. */
  readonly wallMs: () => number;
  /** A segment is in the playlist. */
  readonly onSegment: (segment: ListedSegment) => void;
}

/** The tracks of a segment. */
type Tracks = Pick<Segment, "video" | "audio">;

const FIX_DISK = "give the server write access to the hls_path folder, and check its free space";
const FIX_ENCODER = "check the encoder: its frames do not match their sequence header";

/** Players poll a playlist once per target duration, and this much later at most. */
const POLL_MARGIN_MS = 500;

/**
 * The files of one stream: playlist, segments, init segments. They outlive the publisher and the
 * process: an existing playlist is continued, unless it ended.
 *
 * A playlist has one container and one codec per track, because players do not survive a change:
 * hls.js that of the container, Shaka that of a codec. The change ends the list, and a new one
 * begins. The container is a transport stream until a segment needs CMAF, and then CMAF for as long
 * as the archive exists.
 *
 * Methods never reject; do not run them concurrently.
 */
export class HlsArchive {
  readonly #options: HlsArchiveOptions;
  readonly #files: SegmentFiles;
  readonly #playlistPath: string;
  readonly #segmentTemplate: string;
  readonly #meter = new VariantMeter();
  #playlist: Playlist | null = null;
  #container: Container;
  /** The segment that is being written in parts; null before its first part. */
  #segment: OpenSegment | null = null;
  /** Path without ending of the segment that players expect next. */
  #expected: { readonly sequence: number; readonly stem: string } | null = null;
  #partCount = 0;
  readonly #init = new NewestInit();
  /** The failure that was logged; empty after a success. */
  #failure = "";
  /** Whether a segment is missing before the next one. */
  #hasGap = false;
  /** Whether the next segment is the first of a list that replaces another one. */
  #isRestarted = false;
  /**
   * Until when, in ms since 1970, a new list is not written: players that follow the old one must
   * see that it has ended.
   */
  #withheldUntilMs = -Infinity;
  readonly #codecs = new ListCodecs();
  readonly #times = new WallTimes();

  constructor(options: HlsArchiveOptions) {
    const { config, names } = options;
    this.#options = options;
    this.#container = config.useFmp4 ? "cmaf" : "mpegts";
    this.#playlistPath = fillStream(config.playlistFile, names);
    this.#segmentTemplate = fillStream(config.segmentFile, names);
    this.#files = new SegmentFiles(options.files, config, this.#playlistPath);
  }

  /**
   * Muxes a segment and writes it and the playlist. On failure the segment is dropped.
   *
   * @param cutWallMs Time of day at which the segment was cut, in ms since 1970.
   */
  async add(segment: Segment, cutWallMs: number): Promise<void> {
    const isDiscontinuity = segment.isDiscontinuity || this.#hasGap;
    const isAdded = await this.#try(() => this.#add({ ...segment, isDiscontinuity }, cutWallMs));
    this.#hasGap = !isAdded;
  }

  /**
   * Muxes a part of the segment that follows, and writes it and the playlist. On failure the whole
   * segment is dropped.
   *
   * @param cutWallMs Time of day at which the part was cut, in ms since 1970.
   */
  async addPart(part: Part, cutWallMs: number): Promise<void> {
    if (await this.#try(() => this.#addPart(part, cutWallMs))) return;
    this.#segment = null;
    this.#playlist?.takeParts();
  }

  /**
   * Ends the list if it cannot hold segments of these tracks, which are about to follow. The sooner
   * it ends, the sooner players may see the new one.
   */
  async expect(tracks: Tracks): Promise<void> {
    if (this.#files.isYielded) return;
    await this.#try(async () => await this.#restartIfNeeded(await this.#open(), tracks));
  }

  /** Records that a segment was dropped before it got here. */
  skip(): void {
    this.#hasGap = true;
  }

  /** Tells players that the stream has ended. The next segment begins a new list. */
  async end(): Promise<void> {
    const playlist = this.#playlist;
    if (playlist === null || playlist.isEnded || playlist.entries.length === 0) return;
    await this.#try(async () => {
      if (!await this.#files.isTaken()) await this.#end(playlist);
    });
  }

  /** Leaves the list and its files to another process. */
  async yield(): Promise<void> {
    await this.close();
    this.#files.yield();
  }

  /** Removes the segments that are no longer in the playlist. */
  async close(): Promise<void> {
    await this.#try(() => this.#removeRetired(0));
    this.#options.reports.remove(this.#options.masterEntries);
  }

  /** Removes all files; segments only if `hls_cleanup` is on. */
  async dispose(): Promise<void> {
    await this.#try(async () => {
      if (await this.#files.isTaken()) return;
      const playlist = await this.#open();
      const { masters, masterEntries, config } = this.#options;
      await masters.remove(config.path, masterEntries);
      await this.#files.removePlaylist();
      this.#playlist = null;
      this.#files.retire(playlist.entries);
      await this.#removeRetired(0);
    });
  }

  async #add(segment: Segment, cutWallMs: number): Promise<void> {
    if (await this.#files.isTakenBy(this.#options.wallMs())) return;
    const playlist = await this.#open();
    if (this.#options.config.isLowLatency) {
      await this.#closeSegment(playlist, segment);
    } else {
      await this.#restartIfNeeded(playlist, segment);
      const muxed = await this.#mux(segment);
      await this.#write(playlist, segment, muxed, cutWallMs);
    }
    if (this.#failure !== "") this.#options.logger.info("HLS writing resumed");
    this.#failure = "";
  }

  async #addPart(part: Part, cutWallMs: number): Promise<void> {
    if (await this.#files.isTakenBy(this.#options.wallMs())) return;
    const playlist = await this.#open();
    if (part.isFirst) await this.#beginSegment(playlist, part, cutWallMs);
    const segment = this.#segment;
    if (segment === null) return;
    const path = segment.nextPath;
    await this.#files.write(path, segment.add(part, ++this.#partCount));
    const { durationMs, isIndependent, isLast } = part;
    playlist.addPart({ uri: this.#files.uriOf(path), durationMs, isIndependent });
    // Its segment follows at once, and no part that could be hinted at.
    if (isLast) return;
    playlist.hint(this.#files.uriOf(segment.nextPath));
    await this.#publish(playlist);
  }

  async #beginSegment(playlist: Playlist, part: Part, cutWallMs: number): Promise<void> {
    await this.#restartIfNeeded(playlist, part);
    const stem = this.#stemFor(playlist.nextSequence);
    const isFirst = playlist.entries.length === 0;
    const isDiscontinuity = isFirst ? this.#isRestarted : part.isDiscontinuity || this.#hasGap;
    const times = { ageMs: part.durationMs, isDiscontinuity };
    if (!this.#init.isFor(part)) {
      const { init } = await this.#mux({ ...part, ...times });
      await this.#writeInit(init!, part, `${stem}-init.mp4`);
    }
    const { uri: initUri, bytes: init } = this.#init.current!;
    this.#segment = new OpenSegment(part, { stem, init, initUri, isDiscontinuity });
    const wallMs = this.#times.begin({ ...part, ...times }, cutWallMs);
    playlist.open({ isDiscontinuity, initUri, wallMs });
  }

  async #closeSegment(playlist: Playlist, segment: Segment): Promise<void> {
    const open = this.#segment;
    this.#segment = null;
    const wallMs = playlist.openWallMs;
    const parts = playlist.takeParts();
    if (open === null) throw new SegmentError("HLS segment dropped: a part is missing", FIX_DISK);
    const path = `${this.#stemFor(playlist.nextSequence)}.m4s`;
    const media = open.bytes();
    await this.#files.write(path, media);
    if (wallMs !== null) this.#times.continueAt(wallMs + segment.durationMs);
    const { durationMs, isIndependent } = segment;
    const { isDiscontinuity, initUri, video, audio } = open;
    const uri = this.#files.uriOf(path);
    const entry = { uri, durationMs, isDiscontinuity, isIndependent, wallMs, initUri, parts };
    await this.#list(playlist, entry, { ...segment, video, audio }, { path, media });
  }

  /** Returns the path of a segment without its ending: the one that players were told to expect. */
  #stemFor(sequence: number): string {
    if (this.#expected?.sequence === sequence) return this.#expected.stem;
    const { config, wallMs } = this.#options;
    const names = { sequence, durationMs: config.fragmentMs, wallMs: wallMs() };
    const stem = withExtension(fillSegment(this.#segmentTemplate, names), "");
    this.#expected = { sequence, stem };
    return stem;
  }

  async #end(playlist: Playlist): Promise<void> {
    playlist.end();
    await this.#writePlaylist(playlist);
    const { masters, masterEntries, config } = this.#options;
    await masters.end(config.path, masterEntries);
    const holdMs = playlist.targetSeconds * 1000 + POLL_MARGIN_MS;
    this.#withheldUntilMs = this.#options.wallMs() + holdMs;
  }

  async #restartIfNeeded(playlist: Playlist, tracks: Tracks): Promise<void> {
    if (containerFor(tracks.video, tracks.audio) === "cmaf") this.#container = "cmaf";
    const isOther = playlist.entries.length > 0 && (
      playlist.entries.some(({ initUri }) =>
        (initUri === null) !== (this.#container === "mpegts")
      ) ||
      this.#codecs.excludes(tracks)
    );
    if (!isOther && !playlist.isEnded) return;
    if (!playlist.isEnded) await this.#end(playlist);
    this.#files.retire(playlist.restart());
    this.#isRestarted = true;
    this.#codecs.reset();
    this.#meter.reset();
  }

  async #mux(segment: Segment): Promise<MuxedSegment> {
    try {
      return await this.#options.mux(segment, this.#container);
    } catch (error) {
      const what = `HLS segment dropped: muxing failed: ${describeError(error)}`;
      throw new SegmentError(what, FIX_ENCODER);
    }
  }

  async #write(
    playlist: Playlist,
    segment: Segment,
    { media, init }: MuxedSegment,
    cutWallMs: number,
  ): Promise<void> {
    const { durationMs, isIndependent } = segment;
    const sequence = playlist.nextSequence;
    const names = { sequence, durationMs, wallMs: this.#options.wallMs() };
    const tsPath = fillSegment(this.#segmentTemplate, names);
    const path = init === null ? tsPath : withExtension(tsPath, ".m4s");
    if (init !== null && !this.#init.isFor(segment)) {
      await this.#writeInit(init, segment, withExtension(tsPath, "-init.mp4"));
    }
    await this.#files.write(path, media);
    const isFirst = playlist.entries.length === 0;
    const entry = {
      uri: this.#files.uriOf(path),
      durationMs,
      isDiscontinuity: isFirst ? this.#isRestarted : segment.isDiscontinuity,
      isIndependent,
      wallMs: this.#times.begin(segment, cutWallMs),
      initUri: init && this.#init.current!.uri,
    };
    await this.#list(playlist, entry, segment, { path, media });
  }

  /** Adds a segment that is written to the playlist. */
  async #list(
    playlist: Playlist,
    entry: PlaylistEntry,
    segment: Segment,
    { path, media }: { readonly path: string; readonly media: Uint8Array },
  ): Promise<void> {
    const { config, masters, masterEntries, onSegment } = this.#options;
    const sequence = playlist.nextSequence;
    const dropped = playlist.add(entry);
    if (config.isLowLatency) {
      const nextPart = partPath(this.#stemFor(playlist.nextSequence), 0);
      playlist.hint(this.#files.uriOf(nextPart));
    }
    this.#isRestarted = false;
    this.#codecs.add(segment);
    const variant = this.#meter.add(segment, media.length);
    if (await this.#publish(playlist)) await masters.update(config.path, masterEntries, variant);
    const { durationMs } = entry;
    onSegment({ path, playlistPath: this.#playlistPath, durationMs, sequence });
    this.#files.retire(dropped);
    await this.#removeRetired(playlist.windowMs);
  }

  /**
   * Writes the playlist, unless players must see first that the one before has ended, or parts are
   * all there is: the target duration must not change (RFC 8216 §6.2.1), and how long segments are
   * is known from the first one on.
   */
  async #publish(playlist: Playlist): Promise<boolean> {
    const isHeld = this.#options.wallMs() < this.#withheldUntilMs;
    if (isHeld || playlist.entries.length === 0) return false;
    await this.#writePlaylist(playlist);
    return true;
  }

  async #writePlaylist(playlist: Playlist): Promise<void> {
    const { config, masterEntries, reports } = this.#options;
    this.#withheldUntilMs = -Infinity;
    const others = config.isLowLatency ? reports.exchange(masterEntries, playlist) : [];
    await this.#files.writePlaylist(playlist.render(others), this.#options.wallMs());
  }

  async #writeInit(bytes: Uint8Array, { video, audio }: Tracks, path: string): Promise<void> {
    await this.#files.write(path, bytes);
    this.#init.set({ uri: this.#files.uriOf(path), bytes, video, audio });
  }

  /** Returns the playlist, read from its file first if there is one. */
  async #open(): Promise<Playlist> {
    this.#playlist ??= await this.#read();
    return this.#playlist;
  }

  async #read(): Promise<Playlist> {
    const { config, wallMs } = this.#options;
    const text = await this.#files.readPlaylist();
    const state = text === null ? null : parsePlaylist(text);
    const options = {
      windowMs: config.windowMs,
      targetSeconds: targetSecondsOf(config),
      partMs: config.isLowLatency ? PART_MS : null,
    };
    if (state === null) {
      // Higher than any number used before. Caches keep segments: a reused name would show viewers
      // an old stream.
      const sequence = Math.floor(wallMs() / 1000);
      const fresh = { sequence, discontinuitySequence: 0, isEnded: false, entries: [] };
      return new Playlist(options, fresh);
    }
    const hasInit = state.entries.some(({ initUri }) => initUri !== null);
    if (hasInit && !state.isEnded) this.#container = "cmaf";
    return new Playlist(options, state);
  }

  async #removeRetired(keepMs: number): Promise<void> {
    const removed = await this.#files.removeRetired(keepMs, this.#playlist?.entries ?? []);
    this.#init.forget(removed);
  }

  /** Logs the first of several failures in a row: each segment may fail. */
  async #try(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      const { message, fix } = error instanceof SegmentError
        ? error
        : { message: `HLS write failed: ${describeError(error)}`, fix: FIX_DISK };
      if (this.#failure === "") this.#options.logger.warning(message, { fix });
      this.#failure = message;
      return false;
    }
  }
}
