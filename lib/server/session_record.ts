import type { Clock } from "../base/clock.ts";
import type { ClientReport } from "./client_report.ts";

/** A client, as long as it still knows its stream. */
interface SessionClient {
  report(nowMs: number): ClientReport | null;
}

/** Takes a record of each play and publish that is over. */
export interface SessionSink {
  /** @param cause Why it ends. */
  add(client: SessionClient, cause: string): void;
}

/** Options of {@linkcode SessionRecords}. */
interface SessionRecordsOptions {
  readonly clock: Pick<Clock, "now">;
  /** Wall clock, ms since 1970. */
  readonly wallMs: () => number;
  /** `server_name`, or an id. */
  readonly server: string;
  /** Takes the record of a session in a vhost. */
  readonly take: (vhost: string, record: SessionRecord) => void;
}

/** The record of a session, for JSON. */
type SessionRecord = Readonly<Record<string, unknown>>;

/** Makes a record for each session. */
export class SessionRecords implements SessionSink {
  readonly #options: SessionRecordsOptions;

  constructor(options: SessionRecordsOptions) {
    this.#options = options;
  }

  add(client: SessionClient, cause: string): void {
    const { clock, wallMs, server, take } = this.#options;
    const report = client.report(clock.now());
    if (report === null) return;
    take(report.vhost, sessionRecord(report, { cause, server, endedAtMs: wallMs() }));
  }
}

/** When a session ended, and at which server. */
interface SessionEnd {
  readonly cause: string;
  /** Wall clock, ms since 1970. */
  readonly endedAtMs: number;
  /** `server_name`, or an id. */
  readonly server: string;
}

/**
 * Returns the record of a play or publish that is over. Addresses are without
 * parameters, and a publisher with a stream key has the key's name as its stream.
 */
function sessionRecord(
  report: ClientReport,
  { cause, endedAtMs, server }: SessionEnd,
): SessionRecord {
  return {
    started: new Date(endedAtMs - report.ageMs).toISOString(),
    ended: new Date(endedAtMs).toISOString(),
    seconds: Math.round(report.ageMs) / 1000,
    server,
    client: report.id,
    type: report.type,
    ip: report.ip,
    vhost: report.vhost,
    stream: report.stream,
    tc_url: report.tcUrl,
    page_url: report.pageUrl,
    edge: report.edge?.name ?? null,
    received_bytes: report.receivedBytes,
    sent_bytes: report.sentBytes,
    skips: report.skips,
    cause,
  };
}
