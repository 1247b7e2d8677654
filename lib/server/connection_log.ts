import { describeError, WireError } from "../base/errors.ts";
import type { LogFields, Logger } from "../base/log.ts";
import { stripParams } from "../base/text.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { ClientTotals } from "./client_report.ts";
import type { Admission } from "./admission.ts";
import type { PublisherRole } from "./vhost_service.ts";
import type { ProbeLog } from "../io/probe_log.ts";
import { isLoopRefusal } from "../upstream/edge_path.ts";

/** Bytes exchanged with the client since it connected. */
type ByteCounts = Pick<ClientTotals, "receivedBytes" | "sentBytes">;

/** The log lines of one connection. */
export class ConnectionLog {
  readonly #logger: Logger;
  /** Address and port of the client. */
  readonly #peer: string;
  readonly #probes: ProbeLog;
  /** Name of the edge that the client is; absent for others. */
  readonly #edge: string | undefined;

  constructor(
    { logger, probes }: { readonly logger: Logger; readonly probes: ProbeLog },
    id: string,
    peer: string,
    edge: string | undefined,
  ) {
    this.#edge = edge;
    this.#logger = logger.for("conn", id);
    this.#peer = peer;
    this.#probes = probes;
  }

  connected(): void {
    this.#logger.debug("Client connected", { peer: this.#peer });
  }

  held(admission: Admission): void {
    this.#logger.info("Player waiting: stream not live", this.#about(admission));
  }

  playStarted(admission: Admission): void {
    this.#logger.info("Play started", this.#about(admission));
  }

  playEnded(admission: Admission, cause: string, counts: ByteCounts, skips: number): void {
    this.#logger.info("Play ended", {
      ...this.#about(admission),
      cause,
      ...fieldsOf(counts),
      skips,
    });
  }

  publishStarted(admission: Admission): void {
    this.#logger.info("Publish started", this.#about(admission));
  }

  /** @param cause Why the client's role has changed; empty for a newcomer. */
  role(admission: Admission, role: PublisherRole, cause: string): void {
    const about = this.#about(admission);
    if (role === "feeding") {
      return this.#logger.info("Reserve publisher took over", { ...about, cause });
    }
    this.#logger.info("Publisher stands by", { ...about, cause: cause === "" ? undefined : cause });
  }

  publishEnded(admission: Admission, cause: string, counts: ByteCounts): void {
    this.#logger.info("Publish ended", { ...this.#about(admission), cause, ...fieldsOf(counts) });
  }

  /** @param tcUrl Where to; null for the address that the client used. */
  askedToMove(admission: Admission, tcUrl: string | null): void {
    const to = tcUrl === null ? undefined : stripParams(tcUrl);
    this.#logger.info("Client asked to reconnect", { ...this.#about(admission), to });
  }

  /** A message that the session does not know or cannot read. */
  ignored(what: string): void {
    this.#logger.info(`Message ignored: ${what}`, { peer: this.#peer });
  }

  refused(refusal: Refusal): void {
    const { code, description, logged = description, isMistake = false } = refusal;
    if (logged === null) return;
    const fields = { code, peer: this.#peer };
    // A mistyped name is the client's matter. An edge warns of a loop itself, and two servers that
    // forward to each other are none.
    if (isMistake || code === StatusCode.PLAY_STREAM_NOT_FOUND || isLoopRefusal(refusal)) {
      return this.#logger.info(`Client refused: ${logged}`, fields);
    }
    this.#logger.warning(`Client refused: ${logged}`, fields);
  }

  /** The client did something that an operator may want to know of. */
  closed(reason: string): void {
    this.#logger.warning(`Client closed: ${reason}`, { peer: this.#peer });
  }

  /** The client will be closed if it continues. */
  warned(reason: string): void {
    this.#logger.warning(`Client will be closed: ${reason}`, { peer: this.#peer });
  }

  /** The client left before it said anything in RTMP. */
  leftEarly(receivedBytes: number): void {
    const reason = `it left before "connect", after ${receivedBytes} bytes`;
    this.#probes.add(this.#logger, reason, { peer: this.#peer });
  }

  /** The client broke the protocol, or there is an internal error. */
  failed(error: unknown): void {
    const peer = this.#peer;
    if (error instanceof WireError) {
      const { code, offset, fix } = error;
      const fields = {
        peer,
        code,
        byte: offset < 0 ? undefined : offset,
        fix: fix === "" ? undefined : fix,
      };
      const isProbe = code.startsWith("handshake.");
      if (isProbe) return this.#probes.add(this.#logger, error.message, fields);
      this.#logger.warning(`Client closed: ${error.message}`, fields);
    } else {
      this.#logger.error(`Internal error; connection closed: ${describeError(error)}`, {
        peer,
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
  }

  gone(cause: string, counts: ByteCounts): void {
    this.#logger.debug("Client disconnected", { cause, ...fieldsOf(counts) });
  }

  #about({ request, service }: Admission): LogFields {
    const edge = this.#edge;
    return { stream: request.name, vhost: service.config.name, peer: this.#peer, edge };
  }
}

function fieldsOf({ receivedBytes, sentBytes }: ByteCounts): Record<string, number> {
  return { received_bytes: receivedBytes, sent_bytes: sentBytes };
}
