import { openLogFile, writeAllSync } from "../../lib/logging/log_file.ts";
import { assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";

Deno.test("writeAllSync() continues after short writes", () => {
  const lengths = [1, 2];
  let text = "";
  const writeSync = (bytes: Uint8Array) => {
    const count = lengths.shift() ?? bytes.length;
    text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  };
  writeAllSync({ writeSync }, new TextEncoder().encode("abcdef"));
  assertEquals(text, "abcdef");
});

Deno.test({
  name: "openLogFile() does not wait for the reader of a named pipe",
  ...await needs("read", "write", "run"),
  fn: () =>
    inTempDirectory(async (directory) => {
      const path = `${directory}/log`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      using file = openLogFile(path);
      using reader = Deno.openSync(path, { read: true });
      writeAllSync(file, new TextEncoder().encode("line\n"));
      const bytes = new Uint8Array(16);
      assertEquals(new TextDecoder().decode(bytes.subarray(0, reader.readSync(bytes)!)), "line\n");
    }),
});
