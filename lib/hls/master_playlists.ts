import { encodeUtf8 } from "../base/bytes.ts";
import { MASTER_ENDING, relativeUri, withExtension } from "./file_names.ts";
import type { HlsFiles } from "./hls_files.ts";
import type { Variant } from "./variant.ts";

/** One of the streams of a master playlist. */
interface Member {
  readonly variant: Variant;
  /** Place in the list: players start with the first. */
  readonly rank: number;
  readonly isEnded: boolean;
}

/** A stream, and a master playlist that has it. */
export interface MasterEntry {
  /** Paths, relative to `hls_path`. */
  readonly masterPath: string;
  readonly playlistPath: string;
  readonly rank: number;
}

/**
 * The master playlists of a server (RFC 8216 §4.3.4): one per stream, and one per group of streams
 * that are renditions of the same media. Do not call methods concurrently.
 */
export class MasterPlaylists {
  readonly #files: HlsFiles;
  /** By folder and path of the master playlist, then by path of the stream's playlist. */
  readonly #lists = new Map<string, Map<string, Member>>();
  readonly #written = new Map<string, string>();

  constructor(files: HlsFiles) {
    this.#files = files;
  }

  /** Writes what was measured of a stream, if the list then differs. Rejects if that fails. */
  async update(folder: string, entries: readonly MasterEntry[], variant: Variant): Promise<void> {
    for (const { masterPath, playlistPath, rank } of entries) {
      const path = `${folder}/${masterPath}`;
      const members = this.#lists.get(path) ?? new Map<string, Member>();
      members.set(playlistPath, { variant, rank, isEnded: false });
      this.#lists.set(path, members);
      await this.#write(path, masterPath);
    }
  }

  /** Leaves a stream that has ended out of lists whose other streams have not. */
  async end(folder: string, entries: readonly MasterEntry[]): Promise<void> {
    for (const { masterPath, playlistPath } of entries) {
      const path = `${folder}/${masterPath}`;
      const members = this.#lists.get(path);
      const member = members?.get(playlistPath);
      if (members === undefined || member === undefined) continue;
      members.set(playlistPath, { ...member, isEnded: true });
      await this.#write(path, masterPath);
    }
  }

  /** Removes a stream, and the lists that have no other. */
  async remove(folder: string, entries: readonly MasterEntry[]): Promise<void> {
    for (const { masterPath, playlistPath } of entries) {
      const path = `${folder}/${masterPath}`;
      const members = this.#lists.get(path);
      members?.delete(playlistPath);
      if (members !== undefined && members.size > 0) {
        await this.#write(path, masterPath);
        continue;
      }
      this.#lists.delete(path);
      this.#written.delete(path);
      await this.#files.remove(path);
    }
  }

  async #write(path: string, masterPath: string): Promise<void> {
    const text = render(masterPath, [...this.#lists.get(path)!]);
    if (this.#written.get(path) === text) return;
    await this.#files.write(path, encodeUtf8(text));
    this.#written.set(path, text);
  }
}

function render(masterPath: string, all: readonly (readonly [string, Member])[]): string {
  const live = all.filter(([, { isEnded }]) => !isEnded);
  const members = (live.length > 0 ? live : all)
    .toSorted(([, one], [, other]) => one.rank - other.rank);
  const lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"];
  for (const [playlistPath, { variant }] of members) {
    lines.push(
      `#EXT-X-STREAM-INF:${attributesOf(variant)}`,
      relativeUri(masterPath, playlistPath),
    );
  }
  return lines.join("\n") + "\n";
}

function attributesOf({ peakBps, averageBps, codecs, size, frameRate }: Variant): string {
  return [
    `BANDWIDTH=${peakBps}`,
    `AVERAGE-BANDWIDTH=${averageBps}`,
    `CODECS="${codecs}"`,
    ...(size === null ? [] : [`RESOLUTION=${size.width}x${size.height}`]),
    ...(frameRate === null ? [] : [`FRAME-RATE=${frameRate.toFixed(3)}`]),
  ].join(",");
}

/**
 * Returns the master playlists of a stream: its own, and that of its group if its name ends with a
 * suffix.
 *
 * @param playlistOf Returns the path of the playlist of a stream.
 * @param suffixes As configured; the first one ranks first.
 */
export function masterEntriesOf(
  name: string,
  suffixes: readonly string[],
  playlistOf: (name: string) => string | null,
): MasterEntry[] {
  const playlistPath = playlistOf(name);
  if (playlistPath === null) return [];
  const group = groupOf(name, suffixes);
  const masterOf = (path: string) => withExtension(path, MASTER_ENDING);
  const entry = { masterPath: masterOf(playlistPath), playlistPath, rank: suffixes.length };
  const groupPath = group === null ? null : playlistOf(group.name);
  if (group === null || groupPath === null) return [entry];
  return [entry, { masterPath: masterOf(groupPath), playlistPath, rank: group.rank }];
}

/**
 * Returns the name that the renditions of a stream share, and which of them it is; null if it is
 * none.
 *
 * @param suffixes As configured.
 */
export function groupOf(
  name: string,
  suffixes: readonly string[],
): { readonly name: string; readonly rank: number } | null {
  const rank = suffixes.findIndex((suffix) => isOf(name, suffix));
  return rank < 0 ? null : { name: name.slice(0, -suffixes[rank]!.length), rank };
}

/** Whether a stream's name has more than the suffix after its last slash. */
function isOf(name: string, suffix: string): boolean {
  return name.endsWith(suffix) && !/(?:^|\/)$/.test(name.slice(0, -suffix.length));
}
