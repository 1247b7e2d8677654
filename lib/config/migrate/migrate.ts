import type { Directive } from "../directive.ts";
import { isNginxRtmp } from "../other_formats.ts";
import { parseConfig } from "../parse_config.ts";
import { ProblemList } from "../problem_list.ts";
import { parseSrs, type ReadFile } from "../srs_parser.ts";
import { translate } from "../srs_translate.ts";
import { assignComments } from "./comments.ts";
import { parseNginx, translateNginx } from "./nginx_rtmp.ts";
import type { Note } from "./note.ts";
import { writeToml } from "./write_toml.ts";

/** A configuration of another server, written for this one. */
export interface Migration {
  readonly toml: string;
  /** Number of directives that do here what they did there. */
  readonly kept: number;
  /** What differs and what was left out, in the order of the file. */
  readonly notes: readonly Note[];
}

/**
 * Writes a configuration of SRS or nginx-rtmp in TOML, with its comments. Files that it includes
 * become part of it.
 *
 * @throws {ConfigError} when the file is not valid
 */
export function migrateConfig(text: string, file: string, readFile: ReadFile): Migration {
  const { directives, source, texts, notes } = isNginxRtmp(text)
    ? readNginx(text, file)
    : readSrs(text, file, readFile);
  const written = writeToml(directives, assignComments(source, texts));
  const all = [...notes, ...written.notes].toSorted((a, b) => a.line - b.line);
  const isFirst = (note: Note, index: number) =>
    all.findIndex((other) => other.line === note.line && other.what === note.what) === index;
  const unique = all.filter(isFirst);
  const different = unique.filter(({ kind }) => kind === "different").length;
  return { toml: written.toml, kept: Math.max(0, written.kept - different), notes: unique };
}

/** A file as a tree of this server's directives. */
interface Source {
  readonly directives: readonly Directive[];
  /** The tree as it is in the file, for its comments. */
  readonly source: readonly Directive[];
  readonly texts: ReadonlyMap<string, string>;
  readonly notes: readonly Note[];
}

function readSrs(text: string, file: string, readFile: ReadFile): Source {
  const texts = new Map([[file, text]]);
  const readAndKeep: ReadFile = (path) => {
    const found = readFile(path);
    if (found !== undefined) texts.set(path, found);
    return found;
  };
  const { warnings } = parseConfig(text, file, { readFile });
  const source = parseSrs(text, file, {
    readFile: readAndKeep,
    problems: new ProblemList(file),
  });
  // What is not supported is noted where it is left out.
  const notes = warnings.filter(({ what }) => !/is not supported yet/.test(what)).map((
    warning,
  ): Note => ({
    kind: "different",
    file: warning.file,
    line: warning.line,
    column: warning.column,
    what: `${warning.what}: ${warning.fix}`,
  }));
  return { directives: translate(source), source, texts, notes };
}

function readNginx(text: string, file: string): Source {
  const source = parseNginx(text, file);
  return { ...translateNginx(source), source, texts: new Map([[file, text]]) };
}
