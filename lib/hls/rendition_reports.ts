import { relativeUri } from "./file_names.ts";
import type { MasterEntry } from "./master_playlists.ts";
import type { Playlist, RenditionReport } from "./playlist.ts";

/** How far the renditions of each group are, so that players can switch without a pause. */
export class RenditionReports {
  /** By path of the master playlist, then by path of the rendition's playlist. */
  readonly #groups = new Map<string, Map<string, Omit<RenditionReport, "uri">>>();

  /** Notes how far a playlist is; returns how far the others of its groups are. */
  exchange(entries: readonly MasterEntry[], playlist: Playlist): RenditionReport[] {
    const { nextSequence, openParts } = playlist;
    const lastParts = playlist.entries.at(-1)?.parts?.length ?? 0;
    const own = openParts > 0
      ? { lastSequence: nextSequence, lastPart: openParts - 1 }
      : { lastSequence: nextSequence - 1, lastPart: lastParts > 0 ? lastParts - 1 : null };
    return entries.flatMap(({ masterPath, playlistPath }) => {
      const group = this.#groups.get(masterPath) ?? new Map<string, typeof own>();
      this.#groups.set(masterPath, group);
      group.set(playlistPath, own);
      return [...group].filter(([path]) => path !== playlistPath)
        .map(([path, report]) => ({ uri: relativeUri(playlistPath, path), ...report }));
    });
  }

  /** Forgets a playlist. */
  remove(entries: readonly MasterEntry[]): void {
    for (const { masterPath, playlistPath } of entries) {
      const group = this.#groups.get(masterPath);
      group?.delete(playlistPath);
      if (group?.size === 0) this.#groups.delete(masterPath);
    }
  }
}
