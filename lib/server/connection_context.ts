import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { FlushWheels } from "../io/flush_wheel.ts";
import type { ReadBuffers } from "../io/read_buffers.ts";
import type { ReadPacer } from "../io/read_pacer.ts";
import type { WorkTurns } from "../io/work_turns.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";
import type { Gate } from "./gate.ts";
import type { SessionSink } from "./session_record.ts";
import type { ProbeLog } from "../io/probe_log.ts";

/** What the connections of a server share. */
export interface ConnectionContext {
  readonly gate: Gate;
  readonly queue: FlushQueue;
  readonly wheels: FlushWheels;
  readonly buffers: ReadBuffers;
  /** Reads what clients send. */
  readonly turns: WorkTurns;
  /** Spaces the reads of publishers. */
  readonly pacer: ReadPacer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly probes: ProbeLog;
  readonly handshake: HandshakeOptions;
  /** Takes a record of each play and publish that is over; null for none. */
  readonly sessions?: SessionSink | null;
  /** What this server calls itself towards edges: `server_name`, or an id. */
  readonly serverName: string;
  /** Size of the chunks written to all clients, in bytes. */
  readonly chunkSize: number;
}
