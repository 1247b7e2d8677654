/** Where an origin copies its streams to. */
export interface ForwardConfig {
  /** Always false in an edge vhost. */
  readonly enabled: boolean;
  readonly destinations: readonly ForwardDestination[];
  /** URLs that are asked for the destinations of each stream, in place of the list, if any. */
  readonly backend: readonly string[];
}

/** A server that gets copies of streams. */
export interface ForwardDestination {
  /** As written. Secret: the path may be a stream key. */
  readonly url: string;
  /** As an `OriginAddress`. */
  readonly address: { readonly hostname: string; readonly port: number; readonly isSecure?: true };
  /** `app/stream` or `stream` of the only stream that goes there; empty for all. */
  readonly only: string;
  /** App there, maybe with placeholders; empty for that of the stream. */
  readonly app: string;
  /** Stream there, maybe with placeholders and parameters; empty for the stream's own name. */
  readonly stream: string;
}
