import type { Directive } from "./directive.ts";

interface NewPosition {
  /** Block of the vhost that contains the directive today. */
  readonly block: string;
  readonly name: string;
}

/** Directives that SRS 1 and 2 allowed directly in a vhost. */
const FLAT_DIRECTIVES: ReadonlyMap<string, NewPosition> = new Map([
  ...["mode", "origin", "token_traverse", "vhost", "debug_srs_upnode"].map((name) =>
    moved(name, "cluster")
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
  ].map((name) => moved(name, "play")),
  moved("publish_1stpkt_timeout", "publish", "firstpkt_timeout"),
  moved("publish_normal_timeout", "publish", "normal_timeout"),
  moved("forward", "forward", "destination"),
  moved("refer", "refer", "all"),
  moved("refer_play", "refer", "play"),
  moved("refer_publish", "refer", "publish"),
]);

/** Names that may also be written directly in a vhost, outside of their block. */
export const FLAT_NAMES: readonly string[] = [...FLAT_DIRECTIVES.keys()];

/** Directives that moved from the top into a block `rtmp` in SRS 7.0.64. */
const RTMP_NAMES: readonly string[] = ["listen", "chunk_size"];

/**
 * Moves directives of a whole file from where older SRS versions allowed them, or from older names,
 * to where the schema has them. Reports nothing, because both forms are valid.
 */
export function translate(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap(unwrapRtmp).map((directive) =>
    directive.name === "vhost" && directive.children !== undefined
      ? { ...directive, children: nest(directive.children) }
      : rename(directive, "http_stream", "http_server")
  );
}

function moved(name: string, block: string, newName = name): [string, NewPosition] {
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
  const added = new Map<string, Directive[]>();
  for (const child of children) {
    const to = child.children === undefined ? FLAT_DIRECTIVES.get(child.name) : undefined;
    if (to === undefined) {
      nested.push(rename(child, "http", "http_static"));
    } else {
      const siblings = added.get(to.block) ?? [];
      siblings.push({ ...child, name: to.name });
      added.set(to.block, siblings);
    }
  }
  for (const [block, directives] of added) addToBlock(nested, block, directives);
  return nested;
}

/** Adds to the end of an existing block: as in SRS, its directives override the flat form. */
function addToBlock(siblings: Directive[], name: string, added: readonly Directive[]): void {
  const index = siblings.findIndex((sibling) => sibling.name === name && sibling.children);
  const block = siblings[index] ?? { ...added[0]!, name, args: [], children: [] };
  const children = [...block.children ?? [], ...added];
  // The flat form has no `enabled`: its presence enables the block.
  if (
    (name === "refer" || name === "forward") && !children.some((child) => child.name === "enabled")
  ) {
    children.push({ ...added[0]!, name: "enabled", args: [{ ...added[0]!, text: "on" }] });
  }
  if (index < 0) siblings.push({ ...block, children });
  else siblings[index] = { ...block, children };
}
