import { LineWriter } from "../../lib/logging/line_writer.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { CHILD_TIMEOUT_MS, endOf, startChild } from "../helpers/child.ts";

/** Takes as many bytes per write as the script says, or throws. Further writes take all bytes. */
class ScriptedWriter {
  text = "";
  writes = 0;
  readonly #script: (number | "full")[];

  constructor(...script: (number | "full")[]) {
    this.#script = script;
  }

  // deno-lint-ignore require-await
  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    const step = this.#script.shift() ?? bytes.length;
    if (step === "full") throw new Error("No space left on device");
    this.text += new TextDecoder().decode(bytes.subarray(0, step));
    return step;
  }
}

/** A pipe whose reader hangs until it is freed. */
class StuckWriter extends ScriptedWriter {
  readonly #freed = Promise.withResolvers<void>();

  free(): void {
    this.#freed.resolve();
  }

  override async write(bytes: Uint8Array): Promise<number> {
    await this.#freed.promise;
    return await super.write(bytes);
  }
}

function createRig(writer: ScriptedWriter) {
  const failures: string[] = [];
  const lines = new LineWriter(writer, {
    onFailure: (problem) => failures.push(problem),
    describeDropped: (count) => `${count} missing`,
  });
  return { lines, failures };
}

/** Appends each line when the one before it is written. */
async function appendEach(lines: LineWriter, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    lines.append(text);
    await lines.flush(1000);
  }
}

Deno.test("LineWriter reports a failure once and starts a new line after it", async () => {
  const writer = new ScriptedWriter(6, 2, "full", "full");
  const { lines, failures } = createRig(writer);
  await appendEach(lines, "first", "second", "third", "fourth");
  assertEquals(writer.text, "first\nse\nfourth\n");
  assertEquals(failures, ["No space left on device"]);
});

Deno.test("LineWriter reports a failure again after it has worked", async () => {
  const { lines, failures } = createRig(new ScriptedWriter("full", 7, "full"));
  await appendEach(lines, "lost", "first", "lost");
  assertEquals(failures.length, 2);
});

Deno.test("LineWriter writes the lines that waited in order, in one write", async () => {
  const writer = new StuckWriter();
  const { lines } = createRig(writer);
  for (const text of ["a", "b", "c"]) lines.append(text);
  writer.free();
  await lines.flush(1000);
  assertEquals([writer.text, writer.writes], ["a\nb\nc\n", 2]);
});

Deno.test("LineWriter drops lines while nothing is read, and says how many where they are missing", async () => {
  const writer = new StuckWriter();
  const { lines } = createRig(writer);
  for (let i = 0; i < 3000; i++) lines.append("x".repeat(1023));
  lines.append("short");
  writer.free();
  await lines.flush(1000);
  await appendEach(lines, "later");
  const kept = writer.text.lastIndexOf("x\n") + 2;
  assertEquals(kept, 1025 * 1024, "one line is being written, 1 MiB waits");
  assertEquals(writer.text.slice(kept), `${3001 - 1025} missing\nlater\n`);
});

Deno.test("LineWriter.flush() waits for a hanging reader no longer than asked", async () => {
  const { lines } = createRig(new StuckWriter());
  lines.append("never read");
  const startMs = performance.now();
  await lines.flush(50);
  assert(performance.now() - startMs < 1000);
});

Deno.test("LineWriter.flush() loses no last line to a write that takes most of a second", async () => {
  const writer = new StuckWriter();
  const { lines } = createRig(writer);
  lines.append("edge: what is wrong");
  lines.append("fix: what to do");
  const timer = setTimeout(() => writer.free(), 800);
  await lines.flush();
  clearTimeout(timer);
  assertEquals(writer.text, "edge: what is wrong\nfix: what to do\n");
});

Deno.test("LineWriter.flush() returns at once when there is nothing to write", async () => {
  await createRig(new StuckWriter()).lines.flush(60_000);
});

Deno.test({
  ...(await needs("read", "run")),
  name: "A process whose standard error nothing reads keeps running and ends",
  async fn() {
    // Not read by this test: the pipe holds 64 KiB.
    const path = new URL("children/fill_terminal.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "--allow-all", path],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), CHILD_TIMEOUT_MS);
    const { code } = await child.status;
    clearTimeout(timer);
    await child.stderr.cancel();
    assertEquals(code, 5);
  },
});

Deno.test({
  ...(await needs("read", "run")),
  name: "A process whose standard error is read slowly writes all its last lines",
  async fn() {
    await using child = startChild("logging/children/fill_terminal.ts", "short");
    assertEquals((await endOf(child)).code, 5);
    assertEquals(child.stderr.length, 1000);
  },
});
