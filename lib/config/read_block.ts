/** Checks the directives of one block against the schema and reads their values. */

import { quotePeerText } from "../base/text.ts";
import { type Directive, findDirective } from "./directive.ts";
import { nearestName } from "./nearest.ts";
import type { ProblemList } from "./problem_list.ts";
import {
  type Block,
  type Entries,
  type Entry,
  ROOT,
  type Unsupported,
  type Values,
} from "./schema.ts";
import { FLAT_NAMES } from "./srs_translate.ts";
import { syntaxOf } from "./syntax.ts";

type Supported = Exclude<Entry, Unsupported>;

/** A block of a file. */
interface Scope {
  readonly directives: readonly Directive[];
  /** For messages: `at the top level`, `in vhost "live.example"`. */
  readonly where: string;
  /** Whether this block or one around it is switched off, so that nothing in it has an effect. */
  readonly isOff: boolean;
}

/** Returns the scope of a whole file. */
export function rootScope(directives: readonly Directive[]): Scope {
  return { directives, where: "at the top level", isOff: false };
}

/** Returns the scope of a vhost. */
export function vhostScope(vhost: Directive, name: string): Scope {
  const directives = vhost.children ?? [];
  return { directives, where: `in vhost ${quotePeerText(name)}`, isOff: isSwitchedOff(directives) };
}

/**
 * Reads the options and inner blocks of `entries`. Missing and bad values get their fallback. Named
 * blocks are left to the caller. All mistakes go to `problems`.
 */
export function readBlock<E extends Entries>(
  entries: E,
  scope: Scope,
  problems: ProblemList,
): Values<E> {
  const accepted = checkDirectives(entries, scope, problems);
  const values: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const directives = accepted.filter((directive) => directive.name === name);
    if (entry.kind === "option") {
      const parsed = directives.map((directive) => entry.type.parse(directive, problems));
      values[name] = entry.isRepeatable ? parsed.flatMap((rules) => rules ?? []) : parsed[0];
      values[name] ??= entry.fallback;
    } else if (entry.kind === "block") {
      const where = `in ${name} ${scope.where}`;
      values[name] = readInner(entry, { ...scope, directives, where }, problems);
    }
  }
  return values as Values<E>;
}

/** `scope.directives` is the block itself, or empty when the block is absent. */
function readInner(entry: Block, scope: Scope, problems: ProblemList): Values<Entries> {
  const directives = scope.directives[0]?.children ?? [];
  const isOffHere = scope.isOff || isSwitchedOff(directives);
  return readBlock(entry.entries, { ...scope, directives, isOff: isOffHere }, problems);
}

/** Returns the supported directives and reports the others. */
function checkDirectives(entries: Entries, scope: Scope, problems: ProblemList): Directive[] {
  const first = new Map<string, Directive>();
  return scope.directives.filter((directive) => {
    const { name } = directive;
    const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (entry === undefined) {
      reportUnknown(directive, { ...scope, entries }, problems);
      return false;
    }
    if (entry.kind === "unsupported") {
      if (!scope.isOff) warnUnsupported(directive, entry, problems);
      return false;
    }
    if (!checkForm(directive, entry, problems)) return false;
    const earlier = first.get(name);
    if (earlier === undefined || mayRepeat(entry)) {
      first.set(name, directive);
      return true;
    }
    problems.warn(
      directive,
      `Duplicate directive ${quotePeerText(name)} ${scope.where}`,
      `remove it; the one on line ${earlier.line} of ${earlier.file} applies`,
    );
    return false;
  });
}

function mayRepeat(entry: Entry): boolean {
  return entry.kind === "named block" || (entry.kind === "option" && entry.isRepeatable);
}

/** Returns whether `directive` can be read as `entry`; otherwise reports it. */
function checkForm(directive: Directive, entry: Supported, problems: ProblemList): boolean {
  const name = quotePeerText(directive.name);
  const syntax = syntaxOf(directive.file);
  switch (entry.kind) {
    case "named block":
      return true;
    case "block":
      if (directive.children !== undefined) return true;
      problems.error(
        directive,
        `Directive ${name} is a block, not a value`,
        `write its directives inside ${syntax.block([directive.name])}`,
      );
      return false;
    case "option":
      if (directive.children === undefined && directive.args.length > 0) return true;
      problems.error(
        directive,
        `Directive ${name} ${directive.children ? "takes a value, not a block" : "has no value"}`,
        `write it like ${syntax.option(directive.name, entry.words)}`,
      );
      return false;
  }
}

function warnUnsupported(directive: Directive, entry: Unsupported, problems: ProblemList): void {
  const value = directive.args[0]?.text ?? "";
  const { quiet } = entry;
  if (isSwitchedOff(directive.children ?? []) || quiet.includes("*") || quiet.includes(value)) {
    return;
  }
  const syntax = syntaxOf(directive.file);
  const quieter = directive.children
    ? ` or write ${syntax.off} in it`
    : quiet[0] === undefined
    ? ""
    : ` or write ${syntax.option(directive.name, [quiet[0]])}`;
  problems.warn(
    directive,
    `Directive ${quotePeerText(directive.name)} is not supported yet and has no effect`,
    entry.fix ?? `remove it${quieter}`,
  );
}

function isSwitchedOff(block: readonly Directive[]): boolean {
  return findDirective(block, "enabled")?.args[0]?.text === "off";
}

function reportUnknown(
  directive: Directive,
  { entries, where }: Scope & { readonly entries: Entries },
  problems: ProblemList,
): void {
  const name = quotePeerText(directive.name);
  const parents = PARENTS.get(directive.name);
  if (parents !== undefined) {
    const what = `Directive ${name} does not belong ${where}`;
    problems.error(directive, what, `move it to ${describeParents(parents, directive.file)}`);
    return;
  }
  problems.error(directive, `Unknown directive ${name} ${where}`, suggest(directive, entries));
}

function suggest({ name, file }: Directive, entries: Entries): string {
  const flat = entries === ROOT.vhost.entries ? FLAT_NAMES : [];
  const near = nearestName(name, [...Object.keys(entries), ...flat]);
  if (near !== undefined) return `did you mean "${near}"?`;
  const far = nearestName(name, PARENTS.keys());
  if (far === undefined) return "see docs/configuration.md for all directives";
  return `did you mean "${far}"? It belongs in ${describeParents(PARENTS.get(far)!, file)}`;
}

function describeParents(parents: readonly Path[], file: string): string {
  return parents.map(syntaxOf(file).block).join(", or ");
}

/** Names of the blocks that contain a directive, outermost first. */
type Path = readonly string[];

/** The blocks in which each known name is allowed. */
const PARENTS: ReadonlyMap<string, readonly Path[]> = collectParents();

function collectParents(): Map<string, Path[]> {
  const parents = new Map<string, Path[]>();
  const add = (name: string, path: Path) => parents.set(name, [...parents.get(name) ?? [], path]);
  const walk = (entries: Entries, path: Path) => {
    for (const [name, entry] of Object.entries(entries)) {
      add(name, path);
      if (entry.kind === "block" || entry.kind === "named block") {
        walk(entry.entries, [...path, name]);
      } else if (entry.kind === "unsupported") {
        for (const inner of entry.contents) add(inner, [...path, name]);
      }
    }
  };
  walk(ROOT, []);
  for (const name of FLAT_NAMES) if (!parents.has(name)) add(name, ["vhost"]);
  return parents;
}
