/**
 * Renders `conf/edge.schema.json` from the table of directives: a JSON Schema with which editors
 * complete and check configurations in TOML.
 */

import type { Entries, Entry, Option } from "../lib/config/schema.ts";
import { ROOT } from "../lib/config/schema.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Units of sizes and times, as their labels write them. */
const SUFFIXES: Readonly<Record<string, string>> = {
  "suffix `k` or `m`": "[km]",
  "suffix `ms`, `s` or `m`": "(ms|s|m)",
};

/** Returns the text of `conf/edge.schema.json`. */
export function renderJsonSchema(): string {
  return `${JSON.stringify(configSchema(), null, 2)}\n`;
}

/** Returns the JSON Schema of a configuration in TOML. */
export function configSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "edge",
    ...tableSchema(ROOT),
  };
}

function tableSchema(entries: Entries): Schema {
  const properties = Object.entries(entries).map(([name, entry]) => [name, entrySchema(entry)]);
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}

function entrySchema(entry: Entry): Schema {
  switch (entry.kind) {
    case "option":
      return optionSchema(entry);
    case "unsupported":
      return { description: `Not supported: ${entry.doc}`, deprecated: true };
    case "block":
      return { description: entry.doc, ...tableSchema(entry.entries) };
    case "named block":
      return {
        description: entry.doc,
        type: "object",
        additionalProperties: tableSchema(entry.entries),
      };
    default:
      return entry satisfies never;
  }
}

function optionSchema({ doc, type, words, hasDefault, isRepeatable }: Option<unknown>): Schema {
  const unit = type.unit === "" ? "" : ` Unit: ${type.unit}.`;
  const value = wordSchema(type.label);
  const shown = words.length === 1 ? plain(words[0]!) : words.map(plain);
  const lists: Schema[] = [{ type: "array", minItems: 1, items: value }];
  if (isRepeatable) lists.push({ type: "array", minItems: 1, items: lists[0] });
  return {
    description: `${doc} Values: ${type.label.replaceAll("`", "")}.${unit}`,
    ...(hasDefault ? { default: shown } : { examples: [shown] }),
    ...(type.isList ? { anyOf: [value, ...lists] } : value),
  };
}

/** Returns the schema of one value, by how its label describes it. */
function wordSchema(label: string): Schema {
  if (/^`\w+`(, `\w+`)+$/.test(label)) return choiceSchema([...label.matchAll(/\w+/g)].flat());
  const leading = /^((?:`\w+`, )+)(.+)$/.exec(label);
  if (leading !== null) {
    const [, words, rest] = leading;
    return { anyOf: [choiceSchema([...words!.matchAll(/\w+/g)].flat()), wordSchema(rest!)] };
  }
  const [range, suffix] = label.split("; ");
  const limits = /^(\d+)\w* to (\d+)\w*$/.exec(range!);
  if (limits === null) return { type: ["string", "number"] };
  if (suffix === undefined) {
    // A number may also be written as text, as in the other format.
    const [minimum, maximum] = limits.slice(1).map(Number);
    return { type: ["number", "string"], minimum, maximum, pattern: NUMBER };
  }
  const unit = SUFFIXES[suffix];
  if (unit === undefined) throw new Error(`Unknown suffix in the label "${label}"`);
  // The limits are those of a unit, and a bare number has another.
  return { type: ["string", "number"], minimum: 0, pattern: `^\\d+(\\.\\d+)?${unit}?$` };
}

const NUMBER = "^\\d+(\\.\\d+)?$";

function choiceSchema(words: readonly string[]): Schema {
  const isFlag = words.includes("on") && words.includes("off");
  return { enum: isFlag ? [true, false, ...words] : words };
}

/** Returns a word as TOML writes it. */
function plain(word: string): string | number | boolean {
  if (word === "on" || word === "off") return word === "on";
  return /^(0|[1-9]\d*)$/.test(word) ? Number(word) : word;
}
