import { quotePeerText } from "../../base/text.ts";
import { splitHostPort } from "../address.ts";
import { DEFAULT_VHOST } from "../config.ts";
import { type Directive, findDirective } from "../directive.ts";
import { ProblemList } from "../problem_list.ts";
import { lexSrs, type Token } from "../srs_lexer.ts";
import type { Note } from "./note.ts";

/** Directives that need nothing here: the server does so anyway, or has no such thing. */
const NEEDLESS = new Set([
  ...["live", "interleave", "wait_key", "wait_video", "sync", "buflen", "publish_notify"],
  ...["play_restart", "ack_window", "max_message", "out_queue", "out_cork", "busy", "timeout"],
  ...["ping", "ping_timeout", "idle_streams", "access_log", "notify_method", "so_keepalive"],
]);

/** Callbacks, and what they are called here. */
const HOOKS: ReadonlyMap<string, string> = new Map([
  ["on_connect", "on_connect"],
  ["on_disconnect", "on_close"],
  ["on_publish", "on_publish"],
  ["on_publish_done", "on_unpublish"],
  ["on_play", "on_play"],
  ["on_play_done", "on_stop"],
  ["on_update", "on_update"],
  ["on_record_done", "on_dvr"],
]);

const HLS: ReadonlyMap<string, string> = new Map([
  ["hls", "enabled"],
  ["hls_path", "hls_path"],
  ["hls_fragment", "hls_fragment"],
  ["hls_playlist_length", "hls_window"],
]);

/** Blocks whose presence in nginx enables them. */
const ENABLED = new Set(["security", "http_hooks", "forward"]);

/** What was made of a file. */
interface Translated {
  readonly directives: readonly Directive[];
  readonly notes: readonly Note[];
}

/**
 * Parses a file of nginx, whose directives may extend over several lines.
 *
 * @throws {ConfigError} when braces, quotes or semicolons are missing
 */
export function parseNginx(text: string, file: string): readonly Directive[] {
  const problems = new ProblemList(file);
  const root: Directive[] = [];
  const open: Directive[][] = [root];
  let words: Token[] = [];
  const add = (children: Directive[] | undefined) => {
    const [name, ...args] = words;
    if (name !== undefined) {
      const { text, line, column } = name;
      open.at(-1)!.push({ name: text, args, children, file, line, column });
    }
    words = [];
  };
  for (const token of lexSrs(text, file, problems)) {
    if (token.kind === "word") words.push(token);
    else if (token.kind === ";") add(undefined);
    else if (token.kind === "{") {
      const children: Directive[] = [];
      add(children);
      open.push(children);
    } else if (token.kind === "}" && open.length > 1) open.pop();
    else if (token.kind === "}") problems.error(token, 'Unexpected "}"', "remove it");
    else if (token.kind === "end" && (open.length > 1 || words.length > 0)) {
      problems.error(token, "The file ends within a block or directive", 'add the "}" or ";"');
    }
  }
  problems.warningsOrThrow();
  return root;
}

/**
 * Translates the block `rtmp`. Applications with the same settings share the default vhost; one
 * with others becomes a vhost with the application's name.
 */
export function translateNginx(source: readonly Directive[]): Translated {
  const rtmp = findDirective(source, "rtmp");
  const server = findDirective(rtmp?.children ?? [], "server");
  if (rtmp === undefined || server === undefined) return { directives: [], notes: [] };
  const translation = new Translation();
  return translation.run(rtmp, server);
}

class Translation {
  readonly #notes: Note[] = [];

  run(rtmp: Directive, server: Directive): Translated {
    const all = [...rtmp.children ?? [], ...server.children ?? []];
    const listens = all.filter(({ name }) => name === "listen");
    const directives: Directive[] = listens.length === 0 ? [] : [this.#listen(listens)];
    const shared: Directive[] = [];
    const applications: Directive[] = [];
    for (const directive of all) {
      const { name, args } = directive;
      if (name === "listen") continue;
      if (name === "application") applications.push(directive);
      else if (name === "chunk_size") directives.push({ ...directive, args: args.slice(0, 1) });
      else if (name === "max_connections") directives.push(directive);
      else if (name === "server") this.#extraServer(directive, server);
      else shared.push(directive);
    }
    const [first] = directives;
    if (findDirective(directives, "listen") === undefined) {
      directives.unshift(make(first ?? server, "listen", ["1935"]));
    }
    return {
      directives: [...directives, ...this.#vhosts(applications, shared)],
      notes: this.#notes,
    };
  }

  /** Several directives, one for IPv4 and one for IPv6, become one with all addresses. */
  #listen(listens: readonly Directive[]): Directive {
    const args = listens.flatMap((directive) => {
      const [address, ...options] = directive.args;
      if (options.some(({ text }) => text === "proxy_protocol")) {
        const what = "write proxy_protocol with your load balancer's address";
        this.#note(directive, "different", what);
      }
      if (address === undefined) return [];
      const text = address.text.replace(/^(\*|0\.0\.0\.0):/, "")
        .replace(/^localhost:/, "127.0.0.1:");
      return [{ ...address, text }];
    });
    const isFirst = ({ text }: { text: string }, at: number) =>
      args.findIndex((other) => other.text === text) === at;
    return { ...listens[0]!, args: args.filter(isFirst) };
  }

  #extraServer(directive: Directive, server: Directive): void {
    if (directive === server) return;
    this.#note(directive, "ignored", "only the first server of the file is migrated");
  }

  #vhosts(applications: readonly Directive[], shared: readonly Directive[]): Directive[] {
    const vhosts: Directive[] = [];
    const byContent = new Map<string, string>();
    for (const application of applications) {
      const children = this.#application([...shared, ...application.children ?? []]);
      const app = application.args[0]?.text ?? "live";
      const content = JSON.stringify(children.map(contentOf));
      const known = byContent.get(content);
      if (known !== undefined) continue;
      const name = vhosts.length === 0 ? DEFAULT_VHOST : app;
      byContent.set(content, name);
      vhosts.push({ ...make(application, "vhost", [name]), children });
      if (name === DEFAULT_VHOST) continue;
      this.#note(
        application,
        "different",
        `settings belong to vhosts here; clients of this application use rtmp://HOST/${app}?vhost=${app}/NAME`,
      );
    }
    return vhosts;
  }

  #application(children: readonly Directive[]): Directive[] {
    const blocks = new Map<string, Directive[]>();
    const put = (block: string, directive: Directive) =>
      blocks.set(block, [...blocks.get(block) ?? [], directive]);
    for (const directive of children) this.#directive(directive, put);
    const rules = children.filter(({ name }) => name === "allow" || name === "deny");
    for (const rule of this.#security(rules)) put("security", rule);
    return [...blocks].map(([block, inner]) => ({
      ...make(inner[0]!, block, []),
      children: [
        ...(ENABLED.has(block) ? [make(inner[0]!, "enabled", ["on"])] : []),
        ...(block === "http_hooks" ? [make(inner[0]!, "callback_format", ["form"])] : []),
        ...inner,
      ],
    }));
  }

  #directive(directive: Directive, put: (block: string, directive: Directive) => void): void {
    const { name, args } = directive;
    const hook = HOOKS.get(name);
    const hls = HLS.get(name);
    if (name === "pull") this.#pull(directive, put);
    else if (hook !== undefined) {
      put("http_hooks", { ...directive, name: hook });
      this.#note(
        directive,
        "different",
        "redirects are refused, not followed; see docs/http-callbacks.md",
      );
    } else if (hls !== undefined) {
      put("hls", { ...directive, name: hls });
      if (name === "hls_path") {
        this.#note(directive, "different", "files are APP/NAME.m3u8 below it; see hls_m3u8_file");
      }
    } else if (name === "drop_idle_publisher") {
      put("publish", { ...directive, name: "normal_timeout" });
    } else if (name === "push") {
      this.#push(directive, put);
    } else if (name === "live" && args[0]?.text === "off") {
      this.#note(directive, "ignored", "streams are always live here; files are not played");
    } else if (!NEEDLESS.has(name) && name !== "allow" && name !== "deny") {
      this.#note(directive, "ignored", "not supported");
    }
  }

  /** Several pulls become several origins, tried in order. */
  #pull(directive: Directive, put: (block: string, directive: Directive) => void): void {
    const [url, ...options] = directive.args;
    const [, host, path = ""] = /^(?:rtmp:\/\/)?([^/]+)(\/.*)?$/.exec(url?.text ?? "") ?? [];
    const address = host === undefined ? undefined : splitHostPort(host);
    if (url === undefined || host === undefined || address === undefined) {
      return this.#note(directive, "ignored", "not the address of an RTMP server");
    }
    put("cluster", { ...directive, name: "mode", args: [{ ...url, text: "remote" }] });
    put("cluster", { ...directive, name: "origin", args: [{ ...url, text: host }] });
    if (/[^/]/.test(path) || options.length > 0) {
      const what = "origins are asked for the app and name of the player, when one asks";
      this.#note(directive, "different", what);
    }
  }

  /** In nginx as here, what the URL does not name is as the stream was published. */
  #push(directive: Directive, put: (block: string, directive: Directive) => void): void {
    const [url, ...options] = directive.args;
    const [, host, path = ""] = /^(?:rtmp:\/\/)?([^/]+)(\/.*)?$/.exec(url?.text ?? "") ?? [];
    if (url === undefined || host === undefined || splitHostPort(host) === undefined) {
      return this.#note(directive, "ignored", "not the address of an RTMP server");
    }
    const valueOf = (name: string) =>
      options.find(({ text }) => text.startsWith(`${name}=`))?.text.slice(name.length + 1);
    const [pathApp, ...rest] = path.split("/").filter((part) => part !== "");
    const app = valueOf("app") ?? pathApp;
    const stream = valueOf("playPath") ?? rest.join("/");
    const only = valueOf("name");
    const names = [app ?? (stream === "" ? "" : "[app]"), stream].filter((part) => part !== "");
    const to = names.length === 0 ? host : `rtmp://${host}/${names.join("/")}`;
    const text = only === undefined ? to : `${only}=${to}`;
    put("forward", { ...directive, name: "destination", args: [{ ...url, text }] });
    if (options.some(({ text }) => !/^(app|playPath|name)=/.test(text))) {
      this.#note(directive, "different", "of its options only app, playPath and name are kept");
    }
  }

  /**
   * In nginx the first rule that matches decides, and without one a client may enter. Here a denial
   * decides wherever it is, and with allowances only the allowed may enter.
   */
  #security(rules: readonly Directive[]): Directive[] {
    if (rules.length === 0) return [];
    return ["publish", "play"].flatMap((action) => {
      const own = rules.filter(({ args }) => args.length === 1 || args[0]?.text === action);
      const end = own.findIndex(({ args }) => args.at(-1)?.text === "all");
      const [before, last] = end < 0 ? [own, undefined] : [own.slice(0, end), own[end]!];
      const isOpen = last?.name !== "deny";
      const at = last ?? own[0] ?? rules[0]!;
      const rule = (name: string, from: string, at: Directive) => make(at, name, [action, from]);
      const denials = before.filter(({ name }) => name === "deny");
      const allowances = before.filter(({ name }) => name === "allow");
      const isMixed = denials.length > 0 && allowances.length > 0;
      if (isMixed) {
        const what =
          `the order of rules for ${action} cannot be kept; all clients are denied until you write them`;
        this.#note(at, "different", what);
        return [rule("deny", "all", at)];
      }
      const kept = isOpen ? denials : allowances;
      const written = kept.map((one) => rule(one.name, one.args.at(-1)!.text, one));
      if (isOpen) return [...written, rule("allow", "all", at)];
      return written.length > 0 ? written : [rule("deny", "all", at)];
    });
  }

  #note({ file, line, column, name, args }: Directive, kind: Note["kind"], what: string): void {
    const value = name === "application" ? ` ${args[0]?.text}` : "";
    this.#notes.push({ kind, file, line, column, what: `${quotePeerText(name + value)}: ${what}` });
  }
}

/** Makes a directive at the position of another. */
function make(at: Directive, name: string, words: readonly string[]): Directive {
  const { file, line, column } = at;
  const args = words.map((text) => ({ text, file, line, column }));
  return { name, args, children: undefined, file, line, column };
}

/** The directive without its position. */
function contentOf({ name, args, children }: Directive): unknown {
  return [name, args.map(({ text }) => text), children?.map(contentOf)];
}
