/**
 * Moves directives that SRS once took directly in a vhost (or took under another name) to where
 * they are now, so that the schema knows one form only. Both forms are equally good, so nothing is
 * reported.
 */

import type { Directive } from "./directive.ts";

interface NewHome {
  /** Block of the vhost that the directive is in now. */
  readonly block: string;
  readonly name: string;
}

/** Directives that SRS 1 and 2 took directly in a vhost. */
const FLAT_HOMES: ReadonlyMap<string, NewHome> = new Map([
  ...["mode", "origin", "token_traverse", "vhost", "debug_srs_upnode"].map((name) =>
    home(name, "cluster")
  ),
  ...[
    "time_jitter",
    "mix_correct",
    "atc",
    "atc_auto",
    "mw_latency",
    "gop_cache",
    "gop_cache_max_frames",
    "queue_length",
    "send_min_interval",
    "reduce_sequence_header",
  ].map((name) => home(name, "play")),
  home("publish_1stpkt_timeout", "publish", "firstpkt_timeout"),
  home("publish_normal_timeout", "publish", "normal_timeout"),
  home("refer", "refer", "all"),
  home("refer_play", "refer", "play"),
  home("refer_publish", "refer", "publish"),
]);

/** Names that may stand directly in a vhost though they belong in one of its blocks. */
export const FLAT_NAMES: readonly string[] = [...FLAT_HOMES.keys()];

/** What SRS 7.0.64 and later write in a block `rtmp` and earlier ones at the top. */
const RTMP_NAMES: readonly string[] = ["listen", "chunk_size"];

/** `directives` (a whole file) with every directive in its present place. */
export function translate(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap(unwrapRtmp).map((directive) =>
    directive.name === "vhost" && directive.children !== undefined
      ? { ...directive, children: nest(directive.children) }
      : rename(directive, "http_stream", "http_server")
  );
}

function home(name: string, block: string, newName = name): [string, NewHome] {
  return [name, { block, name: newName }];
}

function rename(directive: Directive, from: string, to: string): Directive {
  return directive.name === from ? { ...directive, name: to } : directive;
}

function unwrapRtmp(directive: Directive): Directive[] {
  if (directive.name !== "rtmp" || directive.children === undefined) return [directive];
  const isMoved = (child: Directive) => RTMP_NAMES.includes(child.name);
  const rest = directive.children.filter((child) => !isMoved(child));
  const moved = directive.children.filter(isMoved);
  return rest.length > 0 ? [...moved, { ...directive, children: rest }] : moved;
}

function nest(children: readonly Directive[]): readonly Directive[] {
  const nested: Directive[] = [];
  const moved = new Map<string, Directive[]>();
  for (const child of children) {
    const to = child.children === undefined ? FLAT_HOMES.get(child.name) : undefined;
    if (to === undefined) {
      nested.push(rename(child, "http", "http_static"));
    } else {
      const siblings = moved.get(to.block) ?? [];
      siblings.push({ ...child, name: to.name });
      moved.set(to.block, siblings);
    }
  }
  for (const [block, directives] of moved) addToBlock(nested, block, directives);
  return nested;
}

/** Written blocks come first, so what they say wins over the flat form (as in SRS). */
function addToBlock(siblings: Directive[], name: string, added: readonly Directive[]): void {
  const index = siblings.findIndex((sibling) => sibling.name === name && sibling.children);
  const block = siblings[index] ?? { ...added[0]!, name, args: [], children: [] };
  const children = [...block.children ?? [], ...added];
  // The flat form has no switch: writing it switched the check on.
  if (name === "refer" && !children.some((child) => child.name === "enabled")) {
    children.push({ ...added[0]!, name: "enabled", args: [{ ...added[0]!, text: "on" }] });
  }
  if (index < 0) siblings.push({ ...block, children });
  else siblings[index] = { ...block, children };
}
