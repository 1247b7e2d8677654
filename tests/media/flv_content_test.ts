import { readAudio, readVideo } from "../../lib/media/flv_content.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

interface Case {
  readonly what: string;
  readonly payload: string;
  /** `config:CODEC:BODY` or `frame:CODEC:key|delta:COMPOSITION:BODY`; null for neither. */
  readonly content: string | null;
}

const VIDEO: readonly Case[] = [
  { what: "an AVC header", payload: "17 00 000000 0164", content: "config:H.264:0164" },
  { what: "an AVC keyframe", payload: "17 01 000050 AB", content: "frame:H.264:key:80:ab" },
  { what: "an AVC inter frame", payload: "27 01 000000 ABCD", content: "frame:H.264:delta:0:abcd" },
  {
    what: "a negative composition time",
    payload: "27 01 FFFFFF AB",
    content: "frame:H.264:delta:-1:ab",
  },
  { what: "an AVC end of sequence", payload: "17 02 000000", content: null },
  { what: "HEVC with legacy id 12", payload: "1C 01 000001 AB", content: "frame:HEVC:key:1:ab" },
  { what: "VP6", payload: "14 00 AB", content: "frame:VP6:key:0:00ab" },
  { what: "a command", payload: "57 00", content: null },
  { what: "nothing", payload: "", content: null },
  { what: "an HEVC header", payload: "90 68766331 0101", content: "config:HEVC:0101" },
  {
    what: "HEVC with a composition time",
    payload: "91 68766331 000028 AB",
    content: "frame:HEVC:key:40:ab",
  },
  {
    what: "HEVC without a composition time",
    payload: "A3 68766331 AB",
    content: "frame:HEVC:delta:0:ab",
  },
  { what: "HEVC, cut short", payload: "91 68766331 0000", content: null },
  {
    what: "AV1, which has no composition time",
    payload: "91 61763031 AB",
    content: "frame:AV1:key:0:ab",
  },
  { what: "an AV1 header, empty", payload: "90 61763031", content: "config:AV1:" },
  {
    what: "enhanced AVC",
    payload: "A1 61766331 000001 AB",
    content: "frame:H.264:delta:1:ab",
  },
  { what: "VVC", payload: "91 76766331 AB", content: "frame:VVC:key:0:ab" },
  {
    what: "the default track of a message with one",
    payload: "96 01 61763031 00 AB",
    content: "frame:AV1:key:0:ab",
  },
  { what: "a message of another track", payload: "96 01 61763031 01 AB", content: null },
  {
    what: "the default track of several",
    payload: "A6 11 61766331 01 000004 000002CD 00 000004 000001AB",
    content: "frame:H.264:delta:1:ab",
  },
  {
    what: "the default track of several codecs",
    payload: "96 20 68766331 01 000001 CD 61766331 00 000002 0164",
    content: "config:H.264:0164",
  },
  { what: "several tracks, cut short", payload: "96 11 61766331 00 000009 AB", content: null },
  { what: "an unknown FourCC", payload: "91 78787878 AB", content: "frame:null:key:0:ab" },
  { what: "an unknown codec id", payload: "1E 00 AB", content: "frame:null:key:0:00ab" },
  { what: "HDR metadata", payload: "94 68766331 AB", content: null },
];

const AUDIO: readonly Case[] = [
  { what: "an AAC header", payload: "AF 00 1210", content: "config:AAC:1210" },
  { what: "AAC", payload: "AF 01 21", content: "frame:AAC:key:0:21" },
  { what: "MP3", payload: "2F FFFB", content: "frame:MP3:key:0:fffb" },
  { what: "Speex", payload: "B2 00", content: "frame:Speex:key:0:00" },
  { what: "silence", payload: "", content: null },
  { what: "an Opus header", payload: "90 4F707573 4F70", content: "config:Opus:4f70" },
  { what: "Opus", payload: "91 4F707573 AB", content: "frame:Opus:key:0:ab" },
  { what: "AC-3", payload: "91 61632D33 0B77", content: "frame:AC-3:key:0:0b77" },
  { what: "E-AC-3", payload: "91 65632D33 0B77", content: "frame:E-AC-3:key:0:0b77" },
  {
    what: "the default track of a message with one",
    payload: "95 01 4F707573 00 AB",
    content: "frame:Opus:key:0:ab",
  },
  { what: "a message of another track", payload: "95 01 4F707573 01 AB", content: null },
  { what: "a speaker layout", payload: "94 4F707573 00", content: null },
];

function describe(content: ReturnType<typeof readVideo> | ReturnType<typeof readAudio>) {
  if (content === null) return null;
  const body = [...content.body].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = content.codec?.name ?? null;
  if (content.type === "config") return `config:${name}:${body}`;
  const { isKey, compositionMs } = content;
  return `frame:${name}:${isKey ? "key" : "delta"}:${compositionMs}:${body}`;
}

for (const { what, payload, content } of VIDEO) {
  Deno.test(`readVideo() reads ${what}`, () => {
    assertEquals(describe(readVideo(hex(payload))), content);
  });
}

for (const { what, payload, content } of AUDIO) {
  Deno.test(`readAudio() reads ${what}`, () => {
    assertEquals(describe(readAudio(hex(payload))), content);
  });
}
