/** Snapshots as answers of SRS's HTTP API, version 1. Fields that SRS does not have are marked. */

import { stableId } from "../base/stable_id.ts";
import { VERSION } from "../base/version.ts";
import { streamKey } from "../rtmp/url.ts";
import { NO_AUDIENCE } from "../hub/audience_meter.ts";
import type { Audience } from "../hub/viewer.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { Ban } from "../server/bans.ts";
import type { LoggedEvent } from "../monitor/event_log.ts";
import type {
  ClientSnapshot,
  DelaySnapshot,
  DrainSnapshot,
  EndedStream,
  RateSnapshot,
  ServerSnapshot,
  StreamSnapshot,
  VhostSnapshot,
} from "../monitor/server_view.ts";

/** Fields of a JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** Identifies the server in its answers. */
export interface ServerIdentity {
  /** Id of the server, and of this run. */
  readonly serverId: string;
  readonly serviceId: string;
  readonly pid: number;
}

/** Returns the id of a vhost, which depends on its name only. */
export function vhostId(name: string): string {
  return stableId(name);
}

/** Returns the id of a stream, which depends on its name only. HTTP callbacks use it as well. */
export function streamId(vhost: string, name: string): string {
  return stableId(streamUrl(vhost, name));
}

/** One of `/api/v1/events`. Not in SRS. */
export function event({ id, timeMs, level, layer, about, message, fields }: LoggedEvent): Json {
  return { id, time_ms: timeMs, level, layer, about, message, fields };
}

/** One of `/api/v1/bans`. Not in SRS. */
export function ban({ ip, ms, client, stream }: Ban): Json {
  return { ip, seconds: Math.ceil(ms / 1000), client, url: stream };
}

/** `/api/v1/versions`. */
export function versions(): Json {
  const [major, minor, revision] = VERSION.split(".").map(Number);
  return { major, minor, revision, version: VERSION };
}

/** `/api/v1/summaries`, without what this server does not measure. */
export function summaries(
  { process, totals, clients, streams, rate, readDelay }: ServerSnapshot,
  nowMs: number,
  drain: DrainSnapshot | null,
): Json {
  const { machine } = process;
  return {
    ok: true,
    now_ms: nowMs,
    self: {
      version: VERSION,
      pid: process.pid,
      ppid: process.parentPid,
      // Not the arguments: they may contain secrets.
      argv: "edge",
      cwd: process.folder,
      mem_kbyte: kib(process.residentBytes),
      mem_percent: share(process.residentBytes, machine.memoryBytes),
      // As in SRS: 1 is one CPU.
      cpu_percent: process.cpuShare,
      srs_uptime: Math.floor(process.uptimeMs / 1000),
    },
    system: {
      ...unknownSystem(nowMs),
      cpus: process.processors,
      cpus_online: process.processors,
      mem_ram_kbyte: kib(machine.memoryBytes),
      mem_ram_percent: share(machine.memoryBytes - machine.freeBytes, machine.memoryBytes),
      mem_swap_kbyte: kib(machine.swapBytes),
      mem_swap_percent: share(machine.swapBytes - machine.freeSwapBytes, machine.swapBytes),
      uptime: machine.uptimeSeconds,
      load_1m: machine.load[0],
      load_5m: machine.load[1],
      load_15m: machine.load[2],
      srs_sample_time: nowMs,
      srs_recv_bytes: totals.receivedBytes,
      srs_send_bytes: totals.sentBytes,
      conn_srs: clients.length,
    },
    // Not in SRS.
    kbps: kbps(rate),
    audience: audience(sumAudiences(streams.map((one) => one.audience))),
    // By how much merged reads delay what publishers send: 99 of 100 by no more than this.
    read_delay_p99_ms: percentileMs(readDelay, 0.99),
    drain: drain === null ? null : {
      phase: drain.phase,
      cause: drain.cause,
      elapsed_ms: Math.round(drain.elapsedMs),
      remaining_ms: Math.round(drain.remainingMs),
      ...drain.clients,
      asked: drain.asked,
    },
  };
}

/** What SRS's console and exporters ask for, and only a program with all permissions could read. */
function unknownSystem(nowMs: number): Json {
  const names = [
    ...["cpu_percent", "disk_read_KBps", "disk_write_KBps", "disk_busy_percent", "ilde_time"],
    ...["net_recv_bytes", "net_send_bytes", "net_recvi_bytes", "net_sendi_bytes"],
    ...["conn_sys", "conn_sys_et", "conn_sys_tw", "conn_sys_udp"],
  ];
  return { ...Object.fromEntries(names.map((name) => [name, 0])), net_sample_time: nowMs };
}

function kib(bytes: number): number {
  return Math.round(bytes / 1024);
}

/** 1 is all of it, as in SRS. */
function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** `/api/v1/rusages`. */
export function rusages({ process }: ServerSnapshot, nowMs: number): Json {
  return {
    ok: true,
    sample_time: nowMs,
    ru_utime: Math.round(process.userSeconds * 1000),
    ru_stime: Math.round(process.systemSeconds * 1000),
    ru_maxrss: Math.round(process.residentBytes / 1024),
  };
}

/** One of `/api/v1/vhosts`. */
export function vhost(one: VhostSnapshot, snapshot: ServerSnapshot): Json {
  const isOwn = ({ vhost }: { readonly vhost: string }) => vhost === one.name;
  return {
    id: vhostId(one.name),
    name: one.name,
    enabled: one.enabled,
    clients: snapshot.clients.filter(isOwn).length,
    streams: snapshot.streams.filter(isOwn).length,
    send_bytes: one.sentBytes,
    recv_bytes: one.receivedBytes,
    kbps: kbps(one.rate),
    hls: one.hlsFragmentMs === null
      ? { enabled: false }
      : { enabled: true, fragment: one.hlsFragmentMs / 1000 },
    // Not in SRS.
    mode: one.mode,
    origin_names: one.discoveries.map((each) => ({
      name: each.name,
      origins: each.addresses,
      age_ms: each.ageMs,
      last_error: each.lastError,
    })),
  };
}

/** One of `/api/v1/streams`. */
export function stream(one: StreamSnapshot, nowMs: number): Json {
  const { app, stream: name } = splitName(one.name);
  const { video, audio } = one;
  return {
    id: streamId(one.vhost, one.name),
    name,
    vhost: vhostId(one.vhost),
    app,
    tcUrl: `rtmp://${one.vhost}/${app}`,
    url: streamUrl(one.vhost, one.name),
    // As in SRS: the current time.
    live_ms: nowMs,
    clients: one.players + [one.publisherId, one.reserveId].filter((id) => id !== "").length,
    frames: one.videoMessages,
    send_bytes: one.sentBytes,
    recv_bytes: one.receivedBytes,
    kbps: kbps(one.rate),
    publish: { active: one.isActive, cid: one.publisherId, reserve_cid: one.reserveId },
    fallback: one.isOnSlate,
    video: video && { ...video },
    audio: audio && {
      codec: audio.codec,
      sample_rate: audio.sampleRate,
      channel: audio.channels,
      profile: audio.profile,
    },
    // Not in SRS.
    recording: one.recording && {
      file: one.recording.file,
      started_ms: one.recording.startedAtMs,
      duration_ms: one.recording.durationMs,
      bytes: one.recording.writtenBytes,
    },
    audience: audience(one.audience),
    health: {
      encoder: one.health.encoder,
      fps: one.health.frameRate,
      keyframe_ms: one.health.keyframeMs,
      clock_changes: one.health.clockChanges,
      lost_frames: one.health.lostFrames,
      doubled_frames: one.health.doubledFrames,
    },
    upstreams: one.upstreams.map(upstream),
  };
}

/** One of `/api/v1/ended`. Not in SRS. */
export function endedStream(one: EndedStream): Json {
  const { app, stream: name } = splitName(one.name);
  return {
    id: streamId(one.vhost, one.name),
    name,
    vhost: vhostId(one.vhost),
    app,
    url: streamUrl(one.vhost, one.name),
    frames: one.videoMessages,
    send_bytes: one.sentBytes,
    recv_bytes: one.receivedBytes,
    lost_frames: one.lostFrames,
    doubled_frames: one.doubledFrames,
  };
}

/** One of `/api/v1/clients`. */
export function client(one: ClientSnapshot): Json {
  return {
    id: one.id,
    vhost: vhostId(one.vhost),
    stream: streamId(one.vhost, one.stream),
    ip: one.ip,
    pageUrl: one.pageUrl,
    swfUrl: one.swfUrl,
    tcUrl: one.tcUrl,
    url: streamUrl(one.vhost, one.stream),
    name: splitName(one.stream).stream,
    type: one.type,
    publish: one.type === "fmle-publish",
    alive: one.ageMs / 1000,
    send_bytes: one.sentBytes,
    recv_bytes: one.receivedBytes,
    kbps: kbps(one.rate),
    // Not in SRS.
    waiting: one.isHeld,
    reserve: one.isReserve,
    skips: one.skips,
    edge: one.edge === null ? null : { id: one.edge.id, name: one.edge.name },
  };
}

/** One of `/api/v1/edges`: an edge by the connections of its process. Not in SRS. */
export function edge(connections: readonly ClientSnapshot[]): Json {
  const [{ edge, ip }] = connections as [ClientSnapshot];
  const pulls = connections.filter(({ type }) => type !== "fmle-publish");
  const reports = pulls.map(({ edge }) => edge?.audience ?? NO_AUDIENCE);
  return {
    id: edge!.id,
    name: edge!.name,
    ip,
    pulls: pulls.length,
    pushes: connections.length - pulls.length,
    alive: Math.max(...connections.map(({ ageMs }) => ageMs)) / 1000,
    send_bytes: connections.reduce((total, one) => total + one.sentBytes, 0),
    kbps: kbps({
      recvKbps: connections.reduce((total, { rate }) => total + rate.recvKbps, 0),
      sendKbps: connections.reduce((total, { rate }) => total + rate.sendKbps, 0),
    }),
    reported: audience(sumAudiences(reports)),
  };
}

/** The audience of several streams. */
function sumAudiences(audiences: readonly Audience[]): Audience {
  const sum = (valueOf: (one: Audience) => number) =>
    audiences.reduce((total, one) => total + valueOf(one), 0);
  const most = (valueOf: (one: Audience) => number) =>
    audiences.reduce((most, one) => Math.max(most, valueOf(one)), 0);
  return {
    players: sum(({ players }) => players),
    // Edges have several of them: the largest number is the best guess at how many they are.
    edges: most(({ edges }) => edges),
    kbps: sum(({ kbps }) => kbps),
    lagMs: most(({ lagMs }) => lagMs),
  };
}

function audience({ players, edges, kbps, lagMs }: Audience): Json {
  return { players, edges, kbps, lag_ms: lagMs };
}

function upstream(one: UpstreamSnapshot): Json {
  return {
    kind: one.kind,
    origin: one.origin,
    state: one.state,
    since_ms: one.sinceMs,
    attempts: one.attempts,
    switches: one.switches,
    last_error: one.lastError,
    last_silence_ms: one.lastSilenceMs,
    lost_frames: one.lostFrames,
    doubled_frames: one.doubledFrames,
    lost_bytes: one.lostBytes,
    reserve: one.reserve === undefined ? null : {
      state: one.reserve.state,
      origin: one.reserve.origin,
      age_ms: one.reserve.ageMs,
    },
  };
}

function kbps({ recvKbps, sendKbps }: RateSnapshot): Json {
  return { recv_30s: recvKbps, send_30s: sendKbps };
}

/** The name in callbacks and logs as well. */
export function streamUrl(vhost: string, name: string): string {
  const { app, stream } = splitName(name);
  return streamKey(vhost, app, stream);
}

/** Splits `app/stream`. An app may contain slashes. */
function splitName(name: string): { app: string; stream: string } {
  const slash = name.lastIndexOf("/");
  return { app: name.slice(0, slash), stream: name.slice(slash + 1) };
}

/** Returns the upper bound of a share of the delays, in ms; null for more than the last bound. */
function percentileMs({ boundsSeconds, counts }: DelaySnapshot, share: number): number | null {
  let left = counts.reduce((sum, count) => sum + count, 0) * share;
  const at = counts.findIndex((count) => (left -= count) <= 0);
  return at < boundsSeconds.length ? Math.round(boundsSeconds[at]! * 1000) : null;
}
