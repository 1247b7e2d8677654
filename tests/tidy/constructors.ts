/** Rules about constructors. */

import type { Finding } from "./rule.ts";
import { closingOf, lineOf, type SourceText } from "./source_text.ts";

/** Calls that start something: a timer, a connection, a listener, a thread, a request. */
const ACTS =
  /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|fetch)\(|\.(?:after|every|connect|listen|dial|accept)\(|\bnew Worker\(/g;

/** Finds constructors of `lib` that act. They wire; `start()` acts. */
export function findActingConstructors(path: string, file: SourceText): Finding[] {
  if (!path.startsWith("lib/")) return [];
  return [...file.code.matchAll(/\bconstructor\(/g)].flatMap(({ 0: head, index }) => {
    const close = closingOf(file.code, index + head.length - 1);
    const open = file.code.indexOf("{", close);
    const body = file.code.slice(open, closingOf(file.code, open));
    return [...body.matchAll(ACTS)].map(({ 0: call, index: at }) => ({
      line: lineOf(file.source, open + at),
      message: `Constructor calls ${call.replace(/^\./, "")}…); move it to start()`,
    }));
  });
}
