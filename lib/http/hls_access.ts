import { relative } from "node:path";
import type { VhostConfig } from "../config/config.ts";
import { streamOfFile } from "../hls/stream_of_file.ts";
import { ipOf } from "../io/address.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { Gate } from "../server/gate.ts";
import type { VhostDirectory } from "../server/vhost_directory.ts";
import type { RouteContext } from "./routes.ts";
import { realPathOf } from "./static_files.ts";

/** What {@linkcode HlsAccess} works with. */
interface HlsAccessOptions {
  readonly vhosts: VhostDirectory;
  readonly gate: Gate;
}

/**
 * Decides who may have an HLS file, by asking the gate about its stream.
 *
 * The file's path tells which vhost wrote it, not the `Host` header, which clients can invent. A
 * file that several vhosts may have written, because their templates lack `[vhost]`, is subject to
 * the rules of all of them that are enabled.
 */
export class HlsAccess {
  readonly #options: HlsAccessOptions;
  /** By `hls_path`, once the folder exists. */
  readonly #realFolders = new Map<string, string>();

  constructor(options: HlsAccessOptions) {
    this.#options = options;
  }

  /**
   * Returns why the client may not have a file; null when it may, or when it is not an HLS file.
   *
   * @param path Without symbolic links: an alias of a file is subject to the same rules.
   */
  async objectionTo(c: RouteContext, path: string): Promise<string | null> {
    const ip = ipOf(c.env.remote);
    const pageUrl = c.req.header("referer") ?? c.req.header("origin") ?? "";
    const params = /[?#].*$/.exec(c.req.url)?.[0] ?? "";
    const streams = await this.#streamsOf(path);
    const enabled = streams.filter(({ config }) => config.enabled);
    for (const { config, name } of enabled.length > 0 ? enabled : streams) {
      const url = { ...urlOf(config.name, name), params };
      const verdict = this.#options.gate.check({
        action: "play",
        protocol: "hls",
        url,
        ip,
        pageUrl,
      });
      if (verdict.type === "refused") return verdict.refusal.description;
    }
    return null;
  }

  /** The streams, one per vhost at most, that the file may belong to. */
  async #streamsOf(path: string): Promise<{ config: VhostConfig; name: string }[]> {
    const streams: { config: VhostConfig; name: string }[] = [];
    for (const { config } of this.#options.vhosts) {
      const folder = config.hls.enabled ? await this.#realFolder(config.hls.path) : null;
      if (folder === null) continue;
      const file = relative(folder, path);
      if (file.startsWith("../")) continue;
      const found = streamOfFile(config.name, config.hls, file);
      // If the stream is unknown the file stands for it: the rules of the vhost apply.
      if (found !== null) streams.push({ config, name: found.stream ?? file });
    }
    return streams;
  }

  async #realFolder(path: string): Promise<string | null> {
    const known = this.#realFolders.get(path);
    if (known !== undefined) return known;
    const real = await realPathOf(path);
    if (real !== null) this.#realFolders.set(path, real);
    return real;
  }
}

function urlOf(vhost: string, name: string): Omit<StreamUrl, "params"> {
  const slash = name.lastIndexOf("/");
  const app = name.slice(0, Math.max(0, slash));
  return { schema: "http", host: vhost, port: 80, vhost, app, stream: name.slice(slash + 1) };
}
