import type { HlsConfig } from "../config/config.ts";
import { pathOfUri } from "./file_names.ts";

/** What {@linkcode signPlaylist} needs besides the playlist. */
interface SigningOptions {
  /** Path of the playlist, relative to `hls_path`. */
  readonly path: string;
  readonly hls: HlsConfig;
  /** Returns the parameter of a file, `sig=…`. `path` is relative to `hls_path`. */
  readonly sign: (path: string) => string;
}

/** The tags that name files; those of other playlists need the player's own parameters. */
const SIGNED_TAG = /^(#EXT-X-(?:MAP|PART|PRELOAD-HINT):(?:[^"]*,)?URI=")([^"]+)"/;

/** Returns a playlist with a signature after the URI of every file. */
export function signPlaylist(text: string, { path, hls, sign }: SigningOptions): string {
  const withSignature = (uri: string): string => {
    const { entryPrefix } = hls;
    const local = uri.startsWith(entryPrefix) ? uri.slice(entryPrefix.length) : uri;
    const file = pathOfUri(path, local);
    return file === null ? uri : `${uri}${uri.includes("?") ? "&" : "?"}${sign(file)}`;
  };
  return text.split("\n").map((line) => {
    if (line !== "" && !line.startsWith("#")) return withSignature(line);
    return line.replace(SIGNED_TAG, (_, start: string, uri: string) => {
      return `${start}${withSignature(uri)}"`;
    });
  }).join("\n");
}
