/** Writes configuration files as SRS's users do: its grammar and directives, in any layout. */

import { syntaxOf } from "../../lib/config/syntax.ts";

/** A directive with its words, or a block. */
type Node = readonly [name: string, ...words: (string | readonly Node[])[]];

/** One file, and what must answer once a server runs with it. */
export interface PublicFile {
  /** `x.conf` or `x.toml`. */
  readonly name: string;
  readonly text: string;
  /** Addresses of RTMP, as to connect to. */
  readonly rtmp: readonly Deno.ConnectOptions[];
  /** Ports of loopback where the API and where files must answer. */
  readonly api: readonly number[];
  readonly files: readonly number[];
}

/** What the files are made of. */
interface FileSource {
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Returns a free port, another each time. */
  readonly port: () => number;
  readonly hasIpv6: boolean;
}

/** Returns a file with a choice of SRS's forms. */
export function createFile(source: FileSource): PublicFile {
  return new FileMaker(source).make();
}

const QUIET_BLOCKS: readonly Node[] = [
  ["stats", [["network", "0"], ["disk", "sda", "sdb", "xvda", "xvdb"]]],
  ["heartbeat", [["enabled", "off"], ["interval", "9.3"], ["url", "http://127.0.0.1:8085/a"]]],
  ["rtc_server", [["enabled", "on"], ["listen", "8000"], ["candidate", "$CANDIDATE"]]],
  ["srt_server", [["enabled", "on"], ["listen", "10080"]]],
  ["exporter", [["enabled", "off"]]],
  ["daemon", "off"],
  ["srs_log_tank", "console"],
  ["max_connections", "1000"],
  ["chunk_size", "60000"],
  ["utc_time", "off"],
  ["inotify_auto_reload", "on"],
];

const VHOST_PARTS: readonly Node[] = [
  ["gop_cache", "off"],
  ["queue_length", "10"],
  ["min_latency", "on"],
  ["tcp_nodelay", "on"],
  ["play", [["gop_cache", "on"], ["queue_length", "0"], ["mw_latency", "100"], ["mw_msgs", "0"]]],
  ["publish", [["mr", "off"], ["mr_latency", "50"], ["normal_timeout", "7000"]]],
  ["hls", [["enabled", "on"], ["hls_fragment", "2"], ["hls_td_ratio", "0.2"], ["hls_window", "6"]]],
  ["hls", [["enabled", "off"], ["hls_keys", "on"], ["hls_storage", "ram"]]],
  ["http_remux", [["enabled", "on"], ["mount", "[vhost]/[app]/[stream].flv"], ["hstrs", "on"]]],
  ["http_hooks", [["enabled", "off"], ["on_publish", "http://127.0.0.1:8085/a?x=1", "http://b/"]]],
  ["dvr", [["enabled", "off"], ["dvr_path", "./objs/[app]/[stream].[timestamp].flv"]]],
  ["rtc", [["enabled", "on"], ["rtmp_to_rtc", "on"]]],
  ["rtsp", [["enabled", "on"]]],
  ["security", [["enabled", "on"], ["allow", "play", "all"], ["deny", "publish", "10.0.0.0/8"]]],
  ["refer", [["enabled", "on"], ["publish", "ossrs.net", "github.com"]]],
  ["transcode", "x", [["enabled", "off"], ["engine", "ff", [["vfilter", [["v", "quiet"]]]]]]],
];

const EDGES: readonly (readonly Node[])[] = [
  [["cluster", [["mode", "remote"], ["origin", "127.0.0.1:1", "127.0.0.1:2"]]]],
  [["mode", "remote"], ["origin", "127.0.0.1"], ["token_traverse", "off"]],
];

class FileMaker {
  readonly #source: FileSource;
  readonly #rtmp: Deno.ConnectOptions[] = [];
  readonly #api: number[] = [];
  readonly #files: number[] = [];

  constructor(source: FileSource) {
    this.#source = source;
  }

  make(): PublicFile {
    const isToml = this.#chance(0.25);
    const top = this.#shuffle([
      ...this.#listen(),
      ...this.#http(),
      ...this.#some(QUIET_BLOCKS, 3),
      ...this.#vhosts(),
    ]);
    return {
      name: isToml ? "x.toml" : "x.conf",
      text: isToml ? toToml(top) : this.#toSrs(top),
      rtmp: this.#rtmp,
      api: this.#api,
      files: this.#files,
    };
  }

  #listen(): Node[] {
    const port = this.#source.port();
    const second = this.#source.port();
    const [v4, v6] = [{ hostname: "127.0.0.1", port }, { hostname: "::1", port }];
    const other = { hostname: "127.0.0.1", port: second };
    const forms: [string[], Deno.ConnectOptions[]][] = [
      [[`${port}`], [v4]],
      [[`0.0.0.0:${port}`], [v4]],
      [[`127.0.0.1:${port}`, `${second}`], [v4, other]],
      [[`${port}`, `127.0.0.1:${port}`], [v4]],
    ];
    if (this.#source.hasIpv6) {
      forms.push(
        [[`${port}`, `[::]:${port}`], [v4, v6]],
        [[`[::]:${port}`, `${port}`, `${second}`], [v4, v6, other]],
        [[`[::]:${port}`], [v4, v6]],
        [[`${port}`, `[::1]:${port}`], [v4, v6]],
      );
    }
    const [words, addresses] = this.#pick(forms);
    this.#rtmp.push(...addresses);
    return this.#chance(0.2) ? [["rtmp", [["listen", ...words]]]] : [["listen", ...words]];
  }

  #http(): Node[] {
    const [api, files] = [this.#source.port(), this.#source.port()];
    const isShared = this.#chance(0.4);
    const apiPort = isShared ? files : api;
    const nodes: Node[] = [];
    if (this.#chance(0.7)) {
      this.#api.push(apiPort);
      const auth: Node = [
        "auth",
        [["enabled", "on"], ["username", "admin"], ["password", "a;b {c"]],
      ];
      const listen = this.#address(apiPort);
      const more = this.#chance(0.3) ? [auth] : [];
      nodes.push(["http_api", [["enabled", "on"], ["listen", ...listen], ...more]]);
    }
    if (this.#chance(0.7)) {
      this.#files.push(files);
      const name = this.#chance(0.2) ? "http_stream" : "http_server";
      const listen = isShared ? [`${files}`] : this.#address(files);
      nodes.push([name, [["enabled", "on"], ["listen", ...listen], ["dir", "./objs/nginx/html"]]]);
    }
    return nodes;
  }

  #address(port: number): string[] {
    const v6 = this.#source.hasIpv6 ? [[`${port}`, `[::1]:${port}`]] : [];
    return this.#pick([[`${port}`], [`${port}`], [`127.0.0.1:${port}`], ...v6]);
  }

  #vhosts(): Node[] {
    const names = this.#shuffle(["__defaultVhost__", "live.example.com", "1.2.3.4"]).slice(
      0,
      1 + Math.trunc(this.#source.random() * 3),
    );
    return names.map((name): Node => {
      const edge = this.#chance(0.3) ? this.#pick(EDGES) : [];
      const parts = unique(this.#some(VHOST_PARTS, 4));
      return ["vhost", name, [...edge, ...parts]];
    });
  }

  /** Any layout that SRS reads: blanks, tabs, CRLF, comments, quotes, blocks on one line. */
  #toSrs(nodes: readonly Node[]): string {
    const end = this.#chance(0.2) ? "\r\n" : "\n";
    const isDense = this.#chance(0.3);
    const write = (node: Node, indent: string): string => {
      const [name, ...rest] = node;
      const words = rest.filter((word) => typeof word === "string").map((word) =>
        /[\s;{]/.test(word) || this.#chance(0.1) ? `"${word}"` : word
      );
      const head = [name, ...words].join(this.#chance(0.3) ? "\t" : " ");
      const children = rest.find((word) => typeof word !== "string") as Node[] | undefined;
      const comment = this.#chance(0.1) && !isDense ? ` # it's {a} "comment;` : "";
      if (children === undefined) return `${indent}${head};${comment}`;
      const inner = children.map((child) => write(child, isDense ? "" : `${indent}    `));
      return isDense
        ? `${head}{${inner.join(" ")} }`
        : [`${indent}${head} {${comment}`, ...inner, `${indent}}`].join(end);
    };
    const lines = nodes.map((node) => write(node, ""));
    return ["# main config for srs.", ...lines].join(end) + (this.#chance(0.5) ? end : "");
  }

  #chance(part: number): boolean {
    return this.#source.random() < part;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.trunc(this.#source.random() * items.length)]!;
  }

  #some<T>(items: readonly T[], count: number): T[] {
    return this.#shuffle(items).slice(0, Math.trunc(this.#source.random() * (count + 1)));
  }

  #shuffle<T>(items: readonly T[]): T[] {
    return items.map((item) => ({ item, at: this.#source.random() }))
      .sort((a, b) => a.at - b.at).map(({ item }) => item);
  }
}

function unique(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [node[0], node])).values()];
}

/** Options of a table come before the tables in it. */
function toToml(nodes: readonly Node[], path: readonly string[] = []): string {
  const isBlock = (node: Node) => typeof node.at(-1) !== "string";
  const options = nodes.filter((node) => !isBlock(node)).map((node) => {
    const [name, ...words] = node as readonly [string, ...string[]];
    return path.includes("security") && name !== "enabled"
      ? `${name} = [${JSON.stringify(words)}]`
      : syntaxOf("x.toml").option(name, words);
  });
  const blocks = nodes.filter(isBlock).map((node) => {
    const names = node.slice(0, -1) as string[];
    return toToml(node.at(-1) as Node[], [...path, ...names]);
  });
  const head = path.length === 0 ? "" : `[${path.map((name) => JSON.stringify(name)).join(".")}]`;
  return [head, ...options, ...blocks].filter((line) => line !== "").join("\n");
}
