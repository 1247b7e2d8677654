/** HLS of a server that is replaced: two processes with the same files. */

import { assertEquals } from "../helpers/assert.ts";
import { HlsRig, type RigPublisher } from "./rig.ts";

const DIRECTIVES = "hls_fragment 2; hls_window 6; hls_dispose 20;";

/** The publisher has left the old process for the new one, which has continued the playlist. */
async function replace(directives = DIRECTIVES) {
  const old = new HlsRig(directives);
  const gone = old.publish();
  gone.send(5);
  await old.untilSegments(2);
  const next = new HlsRig(directives, old.files);
  const publisher = next.publish();
  publisher.send(5);
  await next.untilSegments(4);
  const isLow = directives.includes("hls_ll");
  await next.poll("all parts", () => !isLow || next.playlist().includes("04.part2.m4s"));
  return { old, gone, next, publisher };
}

/** What players have. */
function seen({ files }: HlsRig): readonly string[] {
  return files.paths.map((path) => `${path} ${files.contents.get(path)!.length}`);
}

async function close(rigs: readonly HlsRig[], publisher: RigPublisher): Promise<void> {
  publisher.handle.end("unpublished");
  for (const rig of rigs) await rig.close();
}

for (const directives of [DIRECTIVES, `${DIRECTIVES} hls_ll on;`]) {
  Deno.test(`A replaced server does not end a playlist that the new one continues: ${directives}`, async () => {
    const { old, gone, next, publisher } = await replace(directives);
    const before = [next.playlist(), seen(next)];
    // The publisher was silent here for a while.
    old.wallMs += 6000;
    gone.handle.end("unpublished");
    await old.poll("the end", () => true);
    await old.clock.advance(4000);
    await old.poll("the end", () => true);
    assertEquals([next.playlist(), seen(next)], before);
    // Nor does it remove the files.
    await old.clock.advance(60_000);
    await old.poll("the end", () => true);
    assertEquals([next.playlist(), seen(next)], before);
    publisher.send(4);
    await next.untilSegments(6);
    assertEquals(next.entries().includes("0"), false);
    await close([next, old], publisher);
  });
}

Deno.test("A replaced server that gets the stream back from the new one writes none of it", async () => {
  const { old, gone, next, publisher } = await replace();
  const before = [next.playlist(), seen(next)];
  old.yield();
  gone.send(20);
  await old.poll("the rest", () => true);
  gone.handle.end("unpublished");
  await old.clock.advance(60_000);
  await old.poll("the end", () => true);
  assertEquals([next.playlist(), seen(next)], before);
  await close([next, old], publisher);
  assertEquals([old.lines, next.lines], [[], []]);
});

Deno.test("A server whose playlist no other process has written ends it after a pause, too", async () => {
  const old = new HlsRig(DIRECTIVES);
  const publisher = old.publish();
  publisher.send(5);
  await old.untilSegments(2);
  old.wallMs += 60_000;
  publisher.send(4);
  await old.untilSegments(4);
  publisher.handle.end("unpublished");
  await old.poll("the rest", () => true);
  await old.clock.advance(4000);
  await old.poll("the end", () => old.playlist().includes("#EXT-X-ENDLIST"));
  await old.clock.advance(60_000);
  await old.poll("the removal", () => old.files.paths.length === 0);
  await old.close();
});

Deno.test("A replaced server waits with the end for the first segment of the new one", async () => {
  const old = new HlsRig(DIRECTIVES);
  old.hasOther = true;
  const gone = old.publish();
  gone.send(5);
  await old.untilSegments(2);
  gone.handle.end("unpublished");
  await old.poll("the rest", () => true);
  // A publisher that returns after 2.9 s may need 4.2 s for a segment.
  await old.clock.advance(7_500);
  await old.poll("the end", () => true);
  assertEquals(old.playlist().includes("#EXT-X-ENDLIST"), false);
  await old.clock.advance(1_500);
  await old.poll("the end", () => old.playlist().includes("#EXT-X-ENDLIST"));
  await old.close();
});
