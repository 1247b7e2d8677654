/**
 * Reads `edge --help` into a structure, from which the man page and the completions of shells are
 * made: the help is the only place where the command line is described.
 */

import { HELP_TEXT } from "../lib/cli/help.ts";

/** An option, such as `-c, --config FILE`. */
export interface CommandOption {
  /** `-c`, or an empty string. */
  readonly short: string;
  /** `--config`. */
  readonly long: string;
  /** `FILE`, or an empty string for a switch. */
  readonly value: string;
  readonly text: string;
  /** The words of which the value is one; empty when it is free. */
  readonly choices: readonly string[];
}

/** A command, such as `edge demo [--seconds N]`. */
export interface Command {
  /** An empty string for the server itself. */
  readonly name: string;
  /** What follows the name. */
  readonly operands: string;
  readonly text: string;
  /** Options that only this command has. */
  readonly options: readonly CommandOption[];
}

/** The command line. */
export interface CommandLine {
  /** One line that says what the program is. */
  readonly summary: string;
  readonly examples: readonly (readonly [command: string, text: string])[];
  readonly commands: readonly Command[];
  readonly options: readonly CommandOption[];
  /** Exit codes with their meaning. */
  readonly exitCodes: readonly (readonly [code: string, text: string])[];
}

/** Reads the help. @throws {Error} when it lacks a section */
export function readCommandLine(help: string = HELP_TEXT): CommandLine {
  const examples = rows(section(help, "Examples"));
  return {
    summary: help.slice(help.indexOf(": ") + 2, help.indexOf("\n")),
    examples,
    commands: rows(section(help, "Usage")).map((row) => readCommand(row, new Map(examples))),
    options: rows(section(help, "Options")).map(readOption),
    exitCodes: section(help, "Exit codes").join(" ").trim().split(", ").map((code) => {
      const [number, ...words] = code.split(" ");
      return [number!, words.join(" ")] as const;
    }),
  };
}

/** Returns the indented lines below a title. */
function section(help: string, title: string): string[] {
  const lines = help.split("\n");
  const start = lines.indexOf(title);
  if (start < 0) throw new Error(`edge --help has no section "${title}"`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith(" "));
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

/** Joins each entry with its further lines. Two blanks part what is written from its meaning. */
function rows(lines: readonly string[]): (readonly [entry: string, text: string])[] {
  const found: [string, string][] = [];
  for (const line of lines) {
    const isFurther = /^ {8,}/.test(line);
    const [entry, ...text] = line.trim().split(/ {2,}/);
    if (isFurther) found.at(-1)![1] = `${found.at(-1)![1]} ${line.trim()}`.trim();
    else found.push([entry!, text.join(" ")]);
  }
  return found;
}

/** The meaning of a command is in its row, or in that of its example. */
function readCommand(
  [entry, text]: readonly [string, string],
  examples: ReadonlyMap<string, string>,
): Command {
  const [, name, ...operands] = entry.split(" ");
  const isCommand = name !== undefined && /^[a-z]/.test(name);
  const line = (isCommand ? operands : [name, ...operands]).join(" ");
  const options = isCommand ? [...line.matchAll(/(--[\w-]+)(?: ([^\]\s]+))?/g)] : [];
  return {
    name: isCommand ? name : "",
    operands: line,
    text: text === "" && isCommand ? examples.get(`edge ${name}`) ?? "" : text,
    options: options.map(([, long, value = ""]) => ({
      short: "",
      long: long!,
      value,
      text: "",
      choices: [],
    })),
  };
}

function readOption([entry, text]: readonly [string, string]): CommandOption {
  const match = /^(?:(-\w), )?(--[\w-]+)(?: (\S+))?(?: (.*))?$/.exec(entry);
  if (match === null) throw new Error(`edge --help: cannot read the option "${entry}"`);
  const [, short = "", long, value = "", further = ""] = match;
  const meaning = `${further} ${text}`.trim();
  const isChoice = value !== "" && /^\w+(, \w+)* or \w+$/.test(meaning);
  return { short, long: long!, value, text: meaning, choices: isChoice ? words(meaning) : [] };
}

function words(choices: string): string[] {
  return choices.split(/, | or /);
}
