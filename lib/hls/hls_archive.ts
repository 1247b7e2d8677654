import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { HlsConfig } from "../config/config.ts";
import {
  fillSegment,
  fillStream,
  pathOfUri,
  relativeUri,
  type StreamNames,
  withExtension,
} from "./file_names.ts";
import type { HlsFiles } from "./hls_files.ts";
import type { MasterEntry, MasterPlaylists } from "./master_playlists.ts";
import type { AudioCodec, Container, VideoCodec } from "../media/codecs.ts";
import { parsePlaylist, Playlist, type PlaylistEntry, targetSecondsOf } from "./playlist.ts";
import type { MuxedSegment } from "./segment_mux.ts";
import type { Segment } from "./segmenter.ts";
import { VariantMeter } from "./variant.ts";
import { type AudioTrack, containerFor, isSameTrack, type VideoTrack } from "./track.ts";

/** Options of {@linkcode HlsArchive}. */
interface HlsArchiveOptions {
  readonly names: StreamNames;
  /** The master playlists that have the stream. */
  readonly masterEntries: readonly MasterEntry[];
  readonly masters: MasterPlaylists;
  readonly config: HlsConfig;
  readonly files: HlsFiles;
  readonly logger: Logger;
  /** Muxes a segment. Rejects if the packets do not match their codec. */
  readonly mux: (segment: Segment, container: Container) => Promise<MuxedSegment>;
  /** Returns the time of day, in ms since 1970. */
  readonly wallMs: () => number;
}

/** The tracks of a segment. */
type Tracks = Pick<Segment, "video" | "audio">;

/** The codecs of a list's tracks; null until a segment has the track. */
interface Codecs {
  readonly video: VideoCodec | null;
  readonly audio: AudioCodec | null;
}

/** The newest init segment on the disk, with the tracks it describes. */
interface InitSegment extends Tracks {
  readonly uri: string;
}

const FIX_DISK = "give the server write access to the hls_path folder, and check its free space";
const FIX_ENCODER = "check the encoder: its frames do not match their sequence header";

/** Players poll a playlist once per target duration, and this much later at most. */
const POLL_MARGIN_MS = 500;

/** How far dates may be behind the clock, or after a burst ahead of it. */
const MAX_BEHIND_MS = 1000;
const MAX_AHEAD_MS = 10_000;

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
  readonly #playlistPath: string;
  readonly #segmentTemplate: string;
  readonly #meter = new VariantMeter();
  #playlist: Playlist | null = null;
  #container: Container;
  /** No longer in the playlist; players with an older copy may still request them. */
  #retired: PlaylistEntry[] = [];
  #init: InitSegment | null = null;
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
  /** Codecs of the newest segment; null before the first one. */
  #codecs: Codecs | null = null;
  /** Time of day at which the next segment begins if it continues the newest one. */
  #nextWallMs = Infinity;

  constructor(options: HlsArchiveOptions) {
    const { config, names } = options;
    this.#options = options;
    this.#container = config.useFmp4 ? "cmaf" : "mpegts";
    this.#playlistPath = fillStream(config.playlistFile, names);
    this.#segmentTemplate = fillStream(config.segmentFile, names);
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
   * Ends the list if it cannot hold segments of these tracks, which are about to follow. The sooner
   * it ends, the sooner players may see the new one.
   */
  async expect(tracks: Tracks): Promise<void> {
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
    await this.#try(() => this.#end(playlist));
  }

  /** Removes the segments that are no longer in the playlist. */
  async close(): Promise<void> {
    await this.#try(() => this.#removeRetired(0));
  }

  /** Removes all files; segments only if `hls_cleanup` is on. */
  async dispose(): Promise<void> {
    await this.#try(async () => {
      const playlist = await this.#open();
      const { masters, masterEntries, config } = this.#options;
      await masters.remove(config.path, masterEntries);
      await this.#options.files.remove(this.#pathOf(this.#playlistPath));
      this.#playlist = null;
      if (this.#options.config.cleanup) this.#retired.push(...playlist.entries);
      await this.#removeRetired(0);
    });
  }

  async #add(segment: Segment, cutWallMs: number): Promise<void> {
    const playlist = await this.#open();
    await this.#restartIfNeeded(playlist, segment);
    const muxed = await this.#mux(segment);
    await this.#write(playlist, segment, muxed, cutWallMs);
    if (this.#failure !== "") this.#options.logger.info("HLS writing resumed");
    this.#failure = "";
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
      isOtherCodec(this.#codecs?.video, tracks.video) ||
      isOtherCodec(this.#codecs?.audio, tracks.audio)
    );
    if (!isOther && !playlist.isEnded) return;
    if (!playlist.isEnded) await this.#end(playlist);
    const dropped = playlist.restart();
    if (this.#options.config.cleanup) this.#retired.push(...dropped);
    this.#isRestarted = true;
    this.#codecs = null;
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
    const { files, config, wallMs, masters, masterEntries } = this.#options;
    const { durationMs, isIndependent } = segment;
    const sequence = playlist.nextSequence;
    const tsPath = fillSegment(this.#segmentTemplate, { sequence, durationMs, wallMs: wallMs() });
    const path = init === null ? tsPath : withExtension(tsPath, ".m4s");
    if (init !== null && !this.#isInitFor(segment)) {
      await this.#writeInit(init, segment, withExtension(tsPath, "-init.mp4"));
    }
    await files.write(this.#pathOf(path), media);
    const isFirst = playlist.entries.length === 0;
    const dropped = playlist.add({
      uri: this.#uriOf(path),
      durationMs,
      isDiscontinuity: isFirst ? this.#isRestarted : segment.isDiscontinuity,
      isIndependent,
      wallMs: this.#beginOf(segment, cutWallMs),
      initUri: init && this.#init!.uri,
    });
    this.#isRestarted = false;
    this.#codecs = {
      video: segment.video?.codec ?? this.#codecs?.video ?? null,
      audio: segment.audio?.codec ?? this.#codecs?.audio ?? null,
    };
    const variant = this.#meter.add(segment, media.length);
    if (wallMs() >= this.#withheldUntilMs) {
      await this.#writePlaylist(playlist);
      await masters.update(config.path, masterEntries, variant);
    }
    if (config.cleanup) this.#retired.push(...dropped);
    await this.#removeRetired(playlist.windowMs);
  }

  /** Returns the time of day of the first frame, by the stream's own time while it continues. */
  #beginOf({ durationMs, ageMs, isDiscontinuity }: Segment, cutWallMs: number): number {
    const measuredMs = cutWallMs - ageMs;
    const expectedMs = isDiscontinuity ? Infinity : this.#nextWallMs;
    const aheadMs = expectedMs - measuredMs;
    const isNear = aheadMs >= -MAX_BEHIND_MS && aheadMs <= MAX_AHEAD_MS;
    const wallMs = isNear ? expectedMs : measuredMs;
    this.#nextWallMs = wallMs + durationMs;
    return wallMs;
  }

  async #writePlaylist(playlist: Playlist): Promise<void> {
    this.#withheldUntilMs = -Infinity;
    await this.#options.files.write(
      this.#pathOf(this.#playlistPath),
      encodeUtf8(playlist.render()),
    );
  }

  /** Compares tracks, not bytes: each init segment contains its time of creation. */
  #isInitFor({ video, audio }: Segment): boolean {
    const init = this.#init;
    return init !== null && isSameTrack(init.video, video) && isSameTrack(init.audio, audio);
  }

  async #writeInit(bytes: Uint8Array, { video, audio }: Segment, path: string): Promise<void> {
    await this.#options.files.write(this.#pathOf(path), bytes);
    this.#init = { uri: this.#uriOf(path), video, audio };
  }

  /** Returns the playlist, read from its file first if there is one. */
  async #open(): Promise<Playlist> {
    this.#playlist ??= await this.#read();
    return this.#playlist;
  }

  async #read(): Promise<Playlist> {
    const { files, config, wallMs } = this.#options;
    const text = await files.read(this.#pathOf(this.#playlistPath));
    const state = text === null ? null : parsePlaylist(text);
    const options = { windowMs: config.windowMs, targetSeconds: targetSecondsOf(config) };
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

  /** Removes the oldest retired segments until the rest lasts at most `keepMs`. */
  async #removeRetired(keepMs: number): Promise<void> {
    let totalMs = this.#retired.reduce((total, { durationMs }) => total + durationMs, 0);
    while (this.#retired.length > 0 && totalMs > keepMs) {
      const oldest = this.#retired.shift()!;
      totalMs -= oldest.durationMs;
      await this.#remove(oldest.uri);
      if (oldest.initUri !== null && !this.#isInitNeeded(oldest.initUri)) {
        await this.#remove(oldest.initUri);
        if (this.#init?.uri === oldest.initUri) this.#init = null;
      }
    }
  }

  #isInitNeeded(uri: string): boolean {
    const entries = [...this.#retired, ...this.#playlist?.entries ?? []];
    return entries.some(({ initUri }) => initUri === uri);
  }

  async #remove(uri: string): Promise<void> {
    const { files, config } = this.#options;
    // A playlist from before a restart may contain any URI.
    const name = uri.startsWith(config.entryPrefix) ? uri.slice(config.entryPrefix.length) : uri;
    const path = pathOfUri(this.#playlistPath, name);
    if (path !== null) await files.remove(this.#pathOf(path));
  }

  #pathOf(path: string): string {
    return `${this.#options.config.path}/${path}`;
  }

  #uriOf(path: string): string {
    return this.#options.config.entryPrefix + relativeUri(this.#playlistPath, path);
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

function isOtherCodec(
  codec: VideoCodec | AudioCodec | null | undefined,
  track: VideoTrack | AudioTrack | null,
): boolean {
  return track !== null && (codec ?? track.codec) !== track.codec;
}

/** A segment cannot be muxed. */
class SegmentError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}
