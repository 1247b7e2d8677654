import type { Directive, Position } from "./directive.ts";
import { type Entries, ROOT } from "./schema.ts";

/** Values of environment variables by name. Those that are not set or empty are absent. */
export type Environment = ReadonlyMap<string, string>;

/** No variable is set. */
export const NO_VARIABLES: Environment = new Map();

/** A variable, and the directive whose values it replaces. */
interface Variable {
  /** Names of the blocks around the directive, outermost first, then its own. */
  readonly path: readonly string[];
  /** What separates several values; null when the text is one value. */
  readonly separator: RegExp | null;
}

/** Names that do not follow from the path. SRS has no variables for these two. */
const EDGE_NAMES: Readonly<Record<string, string>> = {
  "vhost.cluster.mode": "EDGE_MODE",
  "vhost.cluster.origin": "EDGE_ORIGIN",
};

const VARIABLES: ReadonlyMap<string, Variable> = collectVariables();

/** Names of all variables that are read, besides those that choose the file. */
export const VARIABLE_NAMES: readonly string[] = [...VARIABLES.keys()];

/**
 * Returns `directives`, all of a file, with the values of variables in place of those of the file.
 * A variable of a vhost's directive applies to all vhosts.
 *
 * The names are those of SRS 7.0.18 (`srs_app_config.cpp`): `SRS_`, then the path of the directive
 * in capitals, with `_` between its parts: `SRS_VHOST_PLAY_GOP_CACHE`. Unlike in SRS, every
 * directive has one, and a bad value is an error.
 */
export function applyEnvironment(
  directives: readonly Directive[],
  environment: Environment,
): readonly Directive[] {
  let result = directives;
  for (const [name, { path, separator }] of VARIABLES) {
    const text = environment.get(name) ?? impliedValue(name, environment);
    if (text === undefined) continue;
    const at = { file: name, line: 0, column: 0 };
    const words = separator === null ? [text] : text.split(separator).filter((word) => word !== "");
    result = replace(result, path, { at, words });
  }
  return result;
}

/** An origin makes an edge. */
function impliedValue(name: string, environment: Environment): string | undefined {
  return name === "EDGE_MODE" && environment.has("EDGE_ORIGIN") ? "remote" : undefined;
}

interface Replacement {
  readonly at: Position;
  readonly words: readonly string[];
}

function replace(
  directives: readonly Directive[],
  path: readonly string[],
  replacement: Replacement,
): readonly Directive[] {
  const [name = "", ...rest] = path;
  const { at, words } = replacement;
  if (rest.length === 0) {
    const args = words.map((text) => ({ ...at, text }));
    const others = directives.filter((directive) => directive.name !== name);
    return [...others, { ...at, name, args, children: undefined }];
  }
  const inBlock = (block: Directive): Directive => ({
    ...block,
    children: replace(block.children ?? [], rest, replacement),
  });
  const isVhost = name === "vhost";
  const first = directives.findIndex((directive) => directive.name === name);
  if (first < 0 && !isVhost) {
    return [...directives, inBlock({ ...at, name, args: [], children: [] })];
  }
  return directives.map((directive, index) =>
    directive.name === name && (isVhost || index === first) ? inBlock(directive) : directive
  );
}

function collectVariables(): Map<string, Variable> {
  const variables = new Map<string, Variable>();
  const add = (path: readonly string[], isList: boolean) => {
    const name = EDGE_NAMES[path.join(".")] ?? `SRS_${path.join("_").toUpperCase()}`;
    const separator = isList ? (name.startsWith("EDGE_") ? /[\s,]+/ : /\s+/) : null;
    variables.set(name, { path, separator });
    // SRS's names for srs_log_file and its like, besides SRS_SRS_LOG_FILE.
    if (name.startsWith("SRS_SRS_")) variables.set(name.slice(4), { path, separator });
  };
  const walk = (entries: Entries, path: readonly string[]) => {
    for (const [name, entry] of Object.entries(entries)) {
      const here = [...path, name];
      if (entry.kind === "option") {
        if (!entry.isRepeatable) add(here, entry.type.isList);
      } else if (entry.kind === "unsupported") {
        add(here, true);
        add([...here, "enabled"], false);
      } else {
        walk(entry.entries, here);
      }
    }
  };
  walk(ROOT, []);
  return variables;
}
