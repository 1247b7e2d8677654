/** How a file format is written, for fixes and for generated text. */
interface Syntax {
  /** Formats one directive with its values. */
  readonly option: (name: string, values: readonly string[]) => string;
  /** Formats nested blocks, outermost first; the top of the file for none. */
  readonly block: (path: readonly string[]) => string;
  /** The directive that disables a block. */
  readonly off: string;
  /** The two boolean words. */
  readonly flags: string;
}

const TOP = "the top of the file, outside every block";

/** The SRS format. */
const srsSyntax: Syntax = {
  option: (name, values) => `${[name, ...values.map(quoteSrs)].join(" ")};`,
  block: (path) =>
    path.length === 0
      ? TOP
      : path.map((name) => `${name === "vhost" ? "vhost NAME" : name} { `).join("") + "…" +
        " }".repeat(path.length),
  off: "enabled off;",
  flags: "on or off",
};

/** TOML. */
export const tomlSyntax: Syntax = {
  option(name, values) {
    const written = values.map(formatTomlValue);
    return `${name} = ${written.length === 1 ? written[0] : `[${written.join(", ")}]`}`;
  },
  block: (path) =>
    path.length === 0
      ? TOP
      : `[${path.map((name) => name === "vhost" ? "vhost.NAME" : name).join(".")}]`,
  off: "enabled = false",
  flags: "true or false",
};

/** Returns the syntax of `file`: TOML if its name ends in `.toml`. */
export function syntaxOf(file: string): Syntax {
  return file.toLowerCase().endsWith(".toml") ? tomlSyntax : srsSyntax;
}

function quoteSrs(value: string): string {
  return /[\s;{}#"']/.test(value) ? `"${value}"` : value;
}

function formatTomlValue(value: string): string {
  if (value === "on" || value === "off") return String(value === "on");
  // A longer number would lose digits.
  return /^(0|[1-9]\d{0,14})$/.test(value) ? value : JSON.stringify(value);
}
