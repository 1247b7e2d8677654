import { LineAppender, type SyncWriter, writeAllSync } from "../../lib/logging/log_file.ts";
import { assertEquals } from "../helpers/assert.ts";

/** Takes as many bytes per write as the script says, or throws. Further writes take all bytes. */
class ScriptedWriter implements SyncWriter {
  text = "";
  readonly #script: (number | "full")[];

  constructor(...script: (number | "full")[]) {
    this.#script = script;
  }

  writeSync(bytes: Uint8Array): number {
    const step = this.#script.shift() ?? bytes.length;
    if (step === "full") throw new Error("No space left on device");
    this.text += new TextDecoder().decode(bytes.subarray(0, step));
    return step;
  }
}

Deno.test("writeAllSync() continues after short writes", () => {
  const writer = new ScriptedWriter(1, 2);
  writeAllSync(writer, new TextEncoder().encode("abcdef"));
  assertEquals(writer.text, "abcdef");
});

Deno.test("LineAppender.append() reports a failure once and starts a new line after it", () => {
  const reports: string[] = [];
  const writer = new ScriptedWriter(6, 2, "full", "full");
  const appender = new LineAppender(writer, (problem) => reports.push(problem));
  for (const line of ["first", "second", "third", "fourth"]) appender.append(line);
  assertEquals(writer.text, "first\nse\nfourth\n");
  assertEquals(reports, ["No space left on device"]);
});

Deno.test("LineAppender.append() reports a failure again after it has worked", () => {
  const reports: string[] = [];
  const writer = new ScriptedWriter("full", 7, "full");
  const appender = new LineAppender(writer, (problem) => reports.push(problem));
  for (const line of ["lost", "first", "lost"]) appender.append(line);
  assertEquals(reports.length, 2);
});
