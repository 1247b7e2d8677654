/** Lines for the person who runs the tests, beside the runner's own report. */

/** Writes one line to standard error, at once. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
