import { FlvFormat } from "../../lib/dvr/flv_format.ts";
import { VERSION } from "../../lib/base/version.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { isMetadata } from "../../lib/media/metadata.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const [AUDIO, VIDEO, DATA] = [8, 9, 18];

/** An AMF0 property name or string, as hex digits: length and text. */
function text(value: string): string {
  const bytes = new TextEncoder().encode(value);
  return bytes.length.toString(16).padStart(4, "0") + bytes.toHex();
}

/** `onMetaData` with width 64 and a duration that is wrong. */
const METADATA = hex(
  `02 ${text("onMetaData")} 08 00000002 ${text("width")} 00 4050000000000000
   ${text("duration")} 00 4022000000000000 000009`,
);

/** The metadata of a file that is `size` bytes long and lasts `duration` s, each as a double. */
function metadataTag(size: string, duration: string): string {
  const body = `02 ${text("onMetaData")} 08 00000004 ${text("width")} 00 4050000000000000
    ${text("service")} 02 ${text(`edge ${VERSION}`)} ${text("filesize")} 00 ${size}
    ${text("duration")} 00 ${duration} 000009`;
  const length = body.replace(/\s/g, "").length / 2;
  const digits = (value: number, count: number) => value.toString(16).padStart(count, "0");
  return `12 ${digits(length, 6)} 000000 00 000000 ${body} ${digits(length + 11, 8)}`;
}

const ZERO = "0000000000000000";

Deno.test("FlvFormat writes header, metadata and tags, and fills in what the end tells", async () => {
  const format = new FlvFormat();
  format.push({ typeId: DATA, timeMs: 0, payload: METADATA });
  format.push({ typeId: VIDEO, timeMs: 0, payload: hex("17 00 000000 01") });
  format.push({ typeId: VIDEO, timeMs: 0, payload: hex("17 01 000000 AABB") });
  format.push({ typeId: VIDEO, timeMs: 0x01020304, payload: hex("27 01 000000 CC") });
  const tags = `09 000006 000000 00 000000 17 00 000000 01 00000011
    09 000007 000000 00 000000 17 01 000000 AABB 00000012
    09 000006 020304 01 000000 27 01 000000 CC 00000011`;
  const written = await format.takeRest();
  assertEquals(
    written.toHex(),
    hex(`464C5601 05 00000009 00000000 ${metadataTag(ZERO, ZERO)} ${tags}`).toHex(),
  );
  format.noteWritten();
  const file = new Uint8Array(written);
  // 1000 bytes, an invented size; 16,909.060 s; no audio.
  for (const { offset, bytes } of format.patches(1000)) file.set(bytes, offset);
  const metadata = metadataTag("408F400000000000", "40D083 43D70A3D71".replace(" ", ""));
  assertEquals(
    file.toHex(),
    hex(`464C5601 01 00000009 00000000 ${metadata} ${tags}`).toHex(),
  );
});

Deno.test("FlvFormat makes metadata for a stream without, and drops a second one", async () => {
  const format = new FlvFormat();
  format.push({ typeId: AUDIO, timeMs: 0, payload: hex("AF 01 21") });
  format.push({ typeId: DATA, timeMs: 0, payload: METADATA });
  const bytes = await format.take();
  const names = new TextDecoder("latin1").decode(bytes).match(/onMetaData|filesize|width/g);
  assertEquals(names, ["onMetaData", "filesize"]);
  const flags = format.patches(bytes.length)[0]!;
  assertEquals([flags.offset, ...flags.bytes], [4, 0x04]);
});

Deno.test("FlvFormat counts only what was written", async () => {
  const format = new FlvFormat();
  format.push({ typeId: VIDEO, timeMs: 0, payload: hex("17 01 000000 AA") });
  format.push({ typeId: VIDEO, timeMs: 1000, payload: hex("27 01 000000 AA") });
  await format.take();
  format.noteWritten();
  format.push({ typeId: VIDEO, timeMs: 2000, payload: hex("27 01 000000 AA") });
  await format.take();
  // 1 s.
  assertEquals(format.patches(1000)[2]!.bytes, hex("00 3FF0000000000000"));
});

Deno.test("FlvFormat leaves out metadata that is too long, or that it cannot write again", async () => {
  // A name of bytes that are no UTF-8: each becomes three.
  const name = `FFFF ${"80".repeat(0xffff)}`;
  const long = hex(`02 ${text("onMetaData")} 08 00000001 ${name} 00 ${ZERO} 000009`);
  const short = hex(
    `02 ${text("onMetaData")} 08 00000001 7000 ${"80".repeat(0x7000)} 00 ${ZERO} 000009`,
  );
  const itself = hex(`02 ${text("onMetaData")} 03 ${text("me")} 07 0000 000009`);
  for (const payload of [long, short, itself, METADATA.subarray(0, 20)]) {
    const format = new FlvFormat();
    format.push({ typeId: DATA, timeMs: 0, payload });
    const [tag] = readFlv(await format.take()).tags;
    assertEquals(isMetadata(tag!.payload), true);
  }
});
