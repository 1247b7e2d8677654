import { diskFiles } from "../../lib/hls/hls_files.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const granted = await needs("read", "write");

function onDisk(name: string, act: (folder: string) => Promise<void>): void {
  Deno.test({
    ...granted,
    name,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await act(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

const TEXT = new TextEncoder().encode("text");

onDisk("diskFiles.write() makes missing folders and leaves no temporary file", async (folder) => {
  await diskFiles.write(`${folder}/a/b/c.ts`, TEXT);
  assertEquals(await diskFiles.read(`${folder}/a/b/c.ts`), "text");
  assertEquals([...Deno.readDirSync(`${folder}/a/b`)].map(({ name }) => name), ["c.ts"]);
});

onDisk(
  "diskFiles.write() replaces a file atomically: an open reader still gets the old content",
  async (folder) => {
    const path = `${folder}/a.m3u8`;
    await diskFiles.write(path, new TextEncoder().encode("a longer text"));
    using file = await Deno.open(path);
    await diskFiles.write(path, TEXT);
    const buffer = new Uint8Array(100);
    const count = await file.read(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), "a longer text");
    assertEquals(await diskFiles.read(path), "text");
  },
);

onDisk(
  "diskFiles.read() returns null and remove() does nothing if there is no file",
  async (folder) => {
    assertEquals(await diskFiles.read(`${folder}/none`), null);
    await diskFiles.remove(`${folder}/none`);
  },
);

onDisk("diskFiles.write() rejects if a file has the name of the folder", async (folder) => {
  await diskFiles.write(`${folder}/a`, TEXT);
  await assertRejects(() => diskFiles.write(`${folder}/a/b.ts`, TEXT), Error);
});
