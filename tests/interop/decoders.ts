/** Programs that decode a stream, and tell how many frames they showed and what went wrong. */

import { freePort } from "../helpers/ports.ts";
import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { STREAM } from "./failover_rig.ts";

/** A program that decodes the stream. */
export interface Decoder extends AsyncDisposable {
  readonly name: string;
  /** Frames or moments shown so far. */
  readonly count: number;
  /** What went wrong; empty if nothing did. Time that goes back is wrong. */
  readonly faults: string;
}

/** The server that is watched. */
interface Watched {
  readonly server: RtmpServer;
  readonly httpPort: number;
}

/** Returns the part of a configuration with which all decoders can play. */
export function decoderListeners(): { readonly config: string; readonly httpPort: number } {
  const httpPort = freePort();
  return { config: `http_server { enabled on; listen 127.0.0.1:${httpPort}; }`, httpPort };
}

/** Starts ffmpeg, mpv and mpegts.js in Chromium. */
export function startDecoders({ server, httpPort }: Watched): readonly Decoder[] {
  return [
    new FfmpegDecoder(server),
    new MpvDecoder(server),
    new PageDecoder(`http://127.0.0.1:${httpPort}/live/${STREAM}.flv`),
  ];
}

/** ffmpeg prints each decoded frame: `stream, dts, pts, duration, size, hash`. */
class FfmpegDecoder implements Decoder {
  readonly name = "ffmpeg";
  readonly #process: ChildProcess;

  constructor(server: RtmpServer) {
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-i", streamUrl(server, STREAM)] as const,
      ...["-map", "0:v", "-map", "0:a", "-fps_mode", "passthrough", "-f", "framemd5"],
      ...["-flush_packets", "1", "-"],
    ] as const;
    this.#process = startProcess({ name: "ffmpeg", command });
  }

  get count(): number {
    return this.#times("0").length;
  }

  get faults(): string {
    return describe(this.#process, this.#process.stderr, [this.#times("0"), this.#times("1")]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  #times(track: string): number[] {
    return this.#process.stdout.map((line) => line.split(",").map((part) => part.trim()))
      .filter((parts) => parts.length === 6 && parts[0] === track)
      .map((parts) => Number(parts[2]));
  }
}

/** mpv prints the time that it shows, again and again, where its errors go, too. */
class MpvDecoder implements Decoder {
  readonly name = "mpv";
  readonly #process: ChildProcess;

  constructor(server: RtmpServer) {
    const command = [
      ...["mpv", "--no-config", "--vo=null", "--ao=null", "--profile=low-latency"] as const,
      ...["--msg-level=all=error,statusline=status", "--term-status-msg=at ${=time-pos}"],
      streamUrl(server, STREAM),
    ] as const;
    this.#process = startProcess({ name: "mpv", command });
  }

  get count(): number {
    return this.#times.length;
  }

  get faults(): string {
    const said = this.#process.stderr.filter((line) => /[a-z]/.test(line) && !/at( |$)/.test(line));
    return describe(this.#process, said, [this.#times]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  get #times(): number[] {
    return this.#process.stderr.flatMap((line) => {
      const time = /at (\d+\.\d+)/.exec(line);
      return time === null ? [] : [Number(time[1])];
    });
  }
}

/** mpegts.js in Chromium, in a process with all permissions: see `page_decoder.ts`. */
class PageDecoder implements Decoder {
  readonly name = "mpegts.js";
  readonly #process: ChildProcess;

  constructor(url: string) {
    const command = [
      ...[Deno.execPath(), "run", "--allow-all", `--config=${PROJECT_ROOT}deno.json`] as const,
      ...[`${PROJECT_ROOT}tests/interop/page_decoder.ts`, url],
    ] as const;
    this.#process = startProcess({ name: "page_decoder.ts", command });
  }

  get count(): number {
    return this.#newest.frames;
  }

  get faults(): string {
    return describe(this.#process, this.#newest.errors, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  get #newest(): { readonly frames: number; readonly errors: readonly string[] } {
    const line = this.#process.stdout.at(-1);
    return line === undefined ? { frames: 0, errors: [] } : JSON.parse(line);
  }
}

function describe(
  { status, stderr }: ChildProcess,
  said: readonly string[],
  tracks: readonly (readonly number[])[],
): string {
  if (status !== undefined) return `it has ended: ${[...said, ...stderr].join("\n")}`;
  const backs = tracks.flatMap((times) => {
    const back = times.findIndex((time, index) => index > 0 && time < times[index - 1]!);
    return back < 0 ? [] : [`time goes back from ${times[back - 1]} to ${times[back]}`];
  });
  return [...said, ...backs].join("\n");
}
