import { createHash } from "node:crypto";
import { ProblemList } from "../config/problem_list.ts";

/** What a stream key stands for. */
interface StreamKey {
  /** App that it is valid in; empty for any. */
  readonly app: string;
  /** Name under which its publisher appears. */
  readonly name: string;
  /** Last moment at which a publish may start, in ms since 1970; Infinity without limit. */
  readonly notAfterMs: number;
}

/** Shown in place of a key. No stream can have this name by a key. */
const HIDDEN = "***";

/** Keys need no escape in a URL, and end where a part of one ends. */
const KEY = /^[A-Za-z0-9_~-]+$/;
const KEYS_IN_TEXT = /[A-Za-z0-9_~-]{8,}/g;
const MIN_KEY_LENGTH = 8;

/** One name, or the app and a name. */
const NAME = /^(?:[^\s/?#&*]+\/)*[^\s/?#&*]+$/;

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/;

/** A line, before it is known whether it clashes with others. */
interface KeyLine extends StreamKey {
  readonly line: number;
  readonly key: string;
}

/**
 * The stream keys of a vhost. An encoder publishes with a key in place of the stream's name, and
 * appears under the name that the key stands for.
 *
 * Only hashes of the keys are kept: a lookup takes as long for a key that is nearly right as for
 * any other.
 */
export class StreamKeys {
  /** By hash of the key. */
  readonly #keys: ReadonlyMap<string, StreamKey>;

  private constructor(keys: ReadonlyMap<string, StreamKey>) {
    this.#keys = keys;
  }

  /**
   * Reads a file of keys: `KEY NAME [NOT-AFTER]` on each line, with comments after `#`.
   *
   * @throws {ConfigError} with all errors, by line. No text of them contains a key.
   */
  static parse(text: string, file: string): StreamKeys {
    const problems = new ProblemList(file);
    const lines = text.split(/\r?\n/).flatMap((line, index) =>
      parseLine(line, { file, line: index + 1, column: 1 }, problems) ?? []
    );
    const names = new Set(lines.map(({ name }) => name));
    const keys = new Map<string, StreamKey>();
    const firstLines = new Map<string, number>();
    for (const { line, key, ...entry } of lines) {
      const at = { file, line, column: 1 };
      const hash = hashOf(key);
      const first = firstLines.get(hash);
      if (first !== undefined) {
        problems.error(at, `The key is that of line ${first}`, "give each line its own key");
      }
      if (names.has(key)) {
        const fix = "choose another key: players know the names of streams";
        problems.error(at, "The key is the name of a stream", fix);
      }
      firstLines.set(hash, first ?? line);
      keys.set(hash, entry);
    }
    problems.warningsOrThrow();
    return new StreamKeys(keys);
  }

  /** Number of keys. */
  get count(): number {
    return this.#keys.size;
  }

  /** Returns what a key stands for, even if it has expired; null if there is no such key. */
  find(key: string): StreamKey | null {
    return this.findHash(hashOf(key));
  }

  /** As {@linkcode find}, for the hash of a key. */
  findHash(hash: string): StreamKey | null {
    return this.#keys.get(hash) ?? null;
  }

  /** Returns a URL, or a part of one, with `***` in place of keys. */
  hide(text: string): string {
    return text.replace(KEYS_IN_TEXT, (word) => this.find(word) === null ? word : HIDDEN);
  }

  /** Returns an app without the parts that are keys. */
  withoutKeys(app: string): string {
    return app.split("/").filter((part) => this.find(part) === null).join("/");
  }
}

function parseLine(
  text: string,
  at: { readonly file: string; readonly line: number; readonly column: number },
  problems: ProblemList,
): KeyLine | undefined {
  const [key, path, notAfter, extra] = text.replace(/(^|\s)#.*/, "").match(/\S+/g) ?? [];
  if (key === undefined) return undefined;
  if (!KEY.test(key)) {
    return problems.error(at, "The key has other characters", "use letters, digits, -, _ and ~");
  }
  if (key.length < MIN_KEY_LENGTH) {
    const fix = "use a random one, such as that of `openssl rand -hex 16`";
    return problems.error(at, `The key has fewer than ${MIN_KEY_LENGTH} characters`, fix);
  }
  if (path === undefined || !NAME.test(path)) {
    const what = path === undefined ? "The key has no name" : "The name of the key is not valid";
    return problems.error(at, what, "write KEY NAME, or KEY APP/NAME, without ? # & and *");
  }
  if (extra !== undefined) {
    return problems.error(at, "There are more than three words", "write KEY NAME NOT-AFTER");
  }
  const notAfterMs = notAfter === undefined ? Infinity : parseNotAfter(notAfter);
  if (Number.isNaN(notAfterMs)) {
    const fix = "write a day or a moment: 2027-01-31, or 2027-01-31T18:00:00Z";
    return problems.error(at, "The third word is no time", fix);
  }
  const slash = path.lastIndexOf("/");
  const app = path.slice(0, Math.max(0, slash));
  return { line: at.line, key, app, name: path.slice(slash + 1), notAfterMs };
}

/** A day ends at midnight UTC. @returns NaN when it is neither a day nor a moment. */
function parseNotAfter(text: string): number {
  if (DAY.test(text)) return Date.parse(`${text}T23:59:59.999Z`);
  return MOMENT.test(text) ? Date.parse(text) : NaN;
}

/** Returns what may be kept of a key, to look it up later. */
export function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64");
}
