/** Writes one line to standard error at once, for the person who runs the tests. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
