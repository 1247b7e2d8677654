/**
 * Renders `conf/full.conf`, `conf/full.toml` and the tables of `docs/configuration.md` from the
 * table of directives.
 */

import type { Entries, Option, Unsupported } from "../lib/config/schema.ts";
import { ROOT } from "../lib/config/schema.ts";
import { syntaxOf } from "../lib/config/syntax.ts";
import { markdownTable } from "./markdown_table.ts";

const srsSyntax = syntaxOf("full.conf");
const tomlSyntax = syntaxOf("full.toml");
const TEXT_WIDTH = 96;
const VALUE_COLUMN = 20;
const VHOST = "__defaultVhost__";

const PREFACE = [
  "Every supported directive with its default. A directive without a default is commented out and",
  "shows an example. See docs/configuration.md.",
];

/** The lines before and after the generated part of `docs/configuration.md`. */
export const DOC_MARKS = ["<!-- generated: begin -->", "<!-- generated: end -->"] as const;

/** Returns the text of `conf/full.conf`. */
export function renderFullConf(): string {
  return [...PREFACE.map((line) => `# ${line}`), "", ...confBlock(ROOT, "")].join("\n") + "\n";
}

/** Returns the text of `conf/full.toml`. */
export function renderFullToml(): string {
  const preface = ["#:schema edge.schema.json", ...PREFACE.map((line) => `# ${line}`)];
  return [...preface, "", ...tomlTable(ROOT, [])].join("\n") + "\n";
}

/**
 * Returns the generated part of `docs/configuration.md` with its marks, formatted as by `deno fmt`.
 */
export function renderDocTables(): string {
  return [
    DOC_MARKS[0],
    "",
    ...optionTables(ROOT, []),
    "## Known but not supported yet",
    "",
    "These directives of SRS are accepted, so that files written for SRS load. They have no effect. A",
    "warning names the line, unless the directive is disabled (`enabled off;` in a block) or has a value",
    "from the last column. The contents of such a block are not checked.",
    "",
    ...markdownTable(
      ["Directive", "Where", "Purpose in SRS", "No warning for"],
      unsupportedRows(ROOT, []),
    ),
    "",
    DOC_MARKS[1],
  ].join("\n");
}

/** Lines of `full.conf` or one of its blocks. */
function confBlock(entries: Entries, indent: string): string[] {
  const lines: string[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (entry.kind === "unsupported") continue;
    if (lines.length > 0) lines.push("");
    if (entry.kind === "option") {
      lines.push(...comment(describe(entry), indent), ...comment(describeValues(entry), indent));
      lines.push(indent + confOption(name, entry, VALUE_COLUMN - indent.length));
    } else {
      const title = entry.kind === "named block" ? `${name} ${VHOST}` : name;
      lines.push(...comment(entry.doc, indent));
      lines.push(`${indent}${title} {`, ...confBlock(entry.entries, `${indent}    `), `${indent}}`);
    }
  }
  return lines;
}

function confOption(name: string, option: Option<unknown>, width: number): string {
  const shown = option.hasDefault ? name : `# ${name}`;
  return `${shown.padEnd(width - 1)} ${option.words.join(" ")};`;
}

/**
 * Lines of one table of `full.toml`: options first, because a table header ends the table before.
 */
function tomlTable(entries: Entries, path: readonly string[]): string[] {
  const lines: string[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (entry.kind !== "option") continue;
    if (lines.length > 0) lines.push("");
    const written = tomlSyntax.option(name, entry.words);
    lines.push(...comment(describe(entry), ""), ...comment(describeValues(entry), ""));
    lines.push(entry.hasDefault ? written : `# ${written}`);
  }
  for (const [name, entry] of Object.entries(entries)) {
    if (entry.kind === "unsupported" || entry.kind === "option") continue;
    const inner = [...path, ...(entry.kind === "named block" ? [name, VHOST] : [name])];
    lines.push("", ...comment(entry.doc, ""), `[${inner.join(".")}]`);
    lines.push(...tomlTable(entry.entries, inner));
  }
  return lines;
}

function describe({ doc, restart }: Option<unknown>): string {
  return restart === "" ? doc : `${doc} A change requires a restart: ${restart}.`;
}

function describeValues({ type }: Option<unknown>): string {
  const unit = type.unit === "" ? "" : `. Unit: ${type.unit}`;
  return `Values: ${type.label.replaceAll("`", "")}${unit}`;
}

/** `text` as comment lines of at most `TEXT_WIDTH` characters. */
function comment(text: string, indent: string): string[] {
  const lines = [`${indent}#`];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= TEXT_WIDTH) lines[lines.length - 1] = longer;
    else lines.push(`${indent}# ${word}`);
  }
  return lines;
}

function optionTables(entries: Entries, path: readonly string[]): string[] {
  const title = path.length === 0 ? "At the top of the file" : `In \`${srsSyntax.block(path)}\``;
  const rows = Object.entries(entries).flatMap(([name, entry]) =>
    entry.kind === "option" ? [optionRow(name, entry)] : []
  );
  const headers = ["Directive", "Default", "Values", "Unit", "Description"];
  const lines = [`## ${title}`, "", ...markdownTable(headers, rows), ""];
  for (const [name, entry] of Object.entries(entries)) {
    if (entry.kind === "block" || entry.kind === "named block") {
      lines.push(...optionTables(entry.entries, [...path, name]));
    }
  }
  return lines;
}

function optionRow(name: string, option: Option<unknown>): string[] {
  const words = option.words.join(" ");
  const shown = option.hasDefault ? `\`${words}\`` : `none, e.g. \`${words}\``;
  return [`\`${name}\``, shown, option.type.label, option.type.unit, describe(option)];
}

function unsupportedRows(entries: Entries, path: readonly string[]): string[][] {
  return Object.entries(entries).flatMap(([name, entry]) => {
    if (entry.kind === "unsupported") return [unsupportedRow(name, path, entry)];
    return entry.kind === "option" ? [] : unsupportedRows(entry.entries, [...path, name]);
  });
}

function unsupportedRow(
  name: string,
  path: readonly string[],
  { doc, quiet }: Unsupported,
): string[] {
  const silent = quiet.map((value) => value === "*" ? "any value" : `\`${value}\``).join(", ");
  return [`\`${name}\``, path.length === 0 ? "top" : path.join("."), doc, silent];
}
