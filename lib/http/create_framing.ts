import { concatBytes } from "../base/bytes.ts";
import type { HttpRemuxConfig } from "../config/config.ts";
import { encodeFlvHeader, encodeFlvTag, type FlvTag, type FlvTracks } from "../media/flv_file.ts";
import { toChunk } from "./chunked.ts";
import { FlvLog } from "./flv_log.ts";
import type { Framing } from "./framing.ts";
import { TsFraming } from "./ts_framing.ts";

/** Makes the framing that the `mount` of a vhost asks for. */
export function createFraming(format: HttpRemuxConfig["format"]): Framing {
  return format === "ts" ? new TsFraming() : new FlvFraming();
}

/** Returns the media type of a stream in a format. */
export function contentTypeOf(format: HttpRemuxConfig["format"]): string {
  return format === "ts" ? "video/mp2t" : "video/x-flv";
}

class FlvFraming implements Framing {
  readonly log = new FlvLog();

  begin(headers: readonly FlvTag[]): void {
    this.log.begin(headers);
  }

  header(tracks: FlvTracks): Uint8Array<ArrayBuffer> {
    return toChunk(encodeFlvHeader(tracks));
  }

  preamble(headers: readonly FlvTag[]): Uint8Array<ArrayBuffer> {
    return toChunk(concatBytes(headers.map(encodeFlvTag)));
  }
}
