import { describeCodec } from "../../lib/media/codec_name.ts";
import { TagType } from "../../lib/media/flv_layout.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const { audio, video } = TagType;

const NAMES: readonly (readonly [typeId: number, bytes: string, name: string])[] = [
  [video, "12 00", "Sorenson H.263"],
  [video, "13 00", "Screen Video"],
  [video, "14 00", "VP6"],
  [video, "15 00", "VP6 with alpha"],
  [video, "16 00", "Screen Video 2"],
  [video, "17 01", "H.264"],
  [video, "1c 01", "HEVC"],
  [video, "1d 01", "AV1"],
  [video, "1e 01", "unknown 0x0e"],
  [video, "90 76703038", "VP8"],
  [video, "90 76703039", "VP9"],
  [video, "91 61763031 12", "AV1"],
  [video, "91 61766331 00", "H.264"],
  [video, "91 68766331 00", "HEVC"],
  [video, "91 76766331 00", "VVC"],
  [video, "91 00000001 00", "unknown 0x00000001"],
  [video, "91 f0f1f2f3 00", "unknown 0xf0f1f2f3"],
  [video, "97 02 01e240 01 68766331 00", "HEVC"],
  [video, "96 01 61763031 02 12", "AV1"],
  [video, "96 21 68766331 01 000001 00 61763031 00 000001 00", "HEVC"],
  [video, "91 6876", "unknown"],
  [video, "97", "unknown"],
  [video, "97 ff 00", "unknown"],
  [video, "d1 00", "unknown"],
  [video, "", "unknown"],
  [audio, "0f 00", "PCM"],
  [audio, "1f 00", "ADPCM"],
  [audio, "2f ff", "MP3"],
  [audio, "3f 00", "PCM"],
  [audio, "4f 00", "Nellymoser"],
  [audio, "5f 00", "Nellymoser"],
  [audio, "6f 00", "Nellymoser"],
  [audio, "7f 00", "G.711 A-law"],
  [audio, "8f 00", "G.711 mu-law"],
  [audio, "af 01", "AAC"],
  [audio, "bf 00", "Speex"],
  [audio, "ef 00", "MP3"],
  [audio, "df 00", "unknown 0x0d"],
  [audio, "90 4f707573", "Opus"],
  [audio, "91 61632d33", "AC-3"],
  [audio, "91 65632d33", "E-AC-3"],
  [audio, "91 2e6d7033", "MP3"],
  [audio, "91 664c6143", "FLAC"],
  [audio, "91 6d703461", "AAC"],
  [audio, "95 01 664c6143 01", "FLAC"],
  [audio, "97 00 aa 01 4f707573", "Opus"],
  [audio, "", "unknown"],
];

for (const [typeId, bytes, name] of NAMES) {
  const kind = typeId === audio ? "audio" : "video";
  Deno.test(`describeCodec() is ${name} for ${kind} ${bytes}`, () => {
    assertEquals(describeCodec(typeId, hex(bytes)), name);
  });
}
