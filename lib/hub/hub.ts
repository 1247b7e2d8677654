/** The streams of one vhost by name. Streams are made when first wanted and forgotten when unused. */

import { Stream, type StreamOptions } from "./stream.ts";

/** See the file comment. */
export class Hub {
  readonly #options: StreamOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #onIdle = (stream: Stream): void => {
    if (stream.hasSource || stream.viewerCount > 0) return;
    // One that was forgotten before may have a successor of the same name.
    if (this.#streams.get(stream.name) === stream) this.#streams.delete(stream.name);
  };

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** The stream `app/stream`, made when there is none. */
  open(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new Stream(name, this.#options, this.#onIdle);
      this.#streams.set(name, stream);
    }
    return stream;
  }

  /** The streams there are. */
  streams(): IterableIterator<Stream> {
    return this.#streams.values();
  }
}
