import { type HeaderSet, METADATA_KEY } from "../hub/header_set.ts";
import type { Stream } from "../hub/stream.ts";
import { readAudio, readVideo } from "../media/flv_content.ts";
import { type FrameSize, readFrameSize } from "../media/frame_size.ts";
import type { LiveVhost } from "./live_view.ts";

/** A stream that a source feeds, as pages for viewers show it. */
export interface LiveStream {
  /** `app/stream`; on an edge that asks for the vhost of its clients, with `?vhost=…`. */
  readonly name: string;
  readonly video: LiveTrack & FrameSize | null;
  readonly audio: LiveTrack | null;
}

/** The codec of a track. */
interface LiveTrack {
  /** Name of the codec; empty if it is unknown. */
  readonly codec: string;
  /** RFC 6381 name, by which a browser knows whether it can play the codec; empty if unknown. */
  readonly mime: string;
}

const NO_SIZE: FrameSize = { width: 0, height: 0 };

/** Live streams, by the name of their vhost. */
export type LiveStreamsOfVhosts = ReadonlyMap<string, readonly LiveStream[]>;

/** The live streams of a server, by vhost. */
export class LiveStreams {
  readonly #vhosts: () => Iterable<LiveVhost>;
  /** Streams of the other workers, by worker, then by vhost. */
  readonly #elsewhere = new Map<number, LiveStreamsOfVhosts>();

  /** @param vhosts Returns the present vhosts. */
  constructor(vhosts: () => Iterable<LiveVhost>) {
    this.#vhosts = vhosts;
  }

  /** Returns the streams of a vhost that are live now, in order of their names. */
  of(vhost: string): LiveStream[] {
    const streams = [
      ...this.#here(vhost).map(describe),
      ...[...this.#elsewhere.values()].flatMap((worker) => worker.get(vhost) ?? []),
    ];
    return streams.sort((one, other) => one.name < other.name ? -1 : 1);
  }

  /** Returns the stream `name` of a vhost; null unless it is live. */
  find(vhost: string, name: string): LiveStream | null {
    const here = this.#here(vhost).find((stream) => stream.name === name);
    if (here !== undefined) return describe(here);
    for (const worker of this.#elsewhere.values()) {
      const found = worker.get(vhost)?.find((stream) => stream.name === name);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Returns the streams of all vhosts that are live in this worker. */
  here(): LiveStreamsOfVhosts {
    const names = [...this.#vhosts()].map(({ service }) => service.config.name);
    return new Map(names.map((name) => [name, this.#here(name).map(describe)]));
  }

  /** Takes what is live in another worker, in place of what was. */
  learn(worker: number, streams: LiveStreamsOfVhosts): void {
    this.#elsewhere.set(worker, streams);
  }

  #here(name: string): Stream[] {
    for (const { service, hub } of this.#vhosts()) {
      if (service.config.name === name) return [...hub.streams()].filter((one) => one.hasSource);
    }
    return [];
  }
}

function describe({ name, headers }: Stream): LiveStream {
  return { name, video: describeVideo(headers), audio: describeAudio(headers) };
}

function describeVideo(headers: HeaderSet): LiveStream["video"] {
  const payload = headers.payloadOf("video");
  const content = payload === null ? null : readVideo(payload);
  if (content === null) return null;
  const metadata = headers.payloadOf(METADATA_KEY);
  const size = metadata === null ? null : readFrameSize(metadata);
  return { ...describeTrack(content), ...size ?? NO_SIZE };
}

function describeAudio(headers: HeaderSet): LiveTrack | null {
  const payload = headers.payloadOf("audio");
  const content = payload === null ? null : readAudio(payload);
  return content === null ? null : describeTrack(content);
}

function describeTrack(
  { codec, body }: Pick<
    NonNullable<ReturnType<typeof readVideo | typeof readAudio>>,
    "codec" | "body"
  >,
): LiveTrack {
  if (codec === null) return { codec: "", mime: "" };
  const isComplete = body.length >= codec.minConfigBytes;
  return { codec: codec.name, mime: isComplete ? codec.hls?.codecString(body) ?? "" : "" };
}
