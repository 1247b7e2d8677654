import type { Ban } from "../../lib/server/bans.ts";
import type { MoveCounts, MoveSelector } from "../../lib/server/move_clients.ts";
import type { ServerSnapshot, ServerView, StreamSnapshot } from "../../lib/monitor/server_view.ts";

const RATE = { recvKbps: 1_000, sendKbps: 2_000 };

/** A stream pulled from the second of two origins. */
export const PULLED: StreamSnapshot = {
  isOwner: true,
  vhost: "edge.example",
  name: "live/room/show",
  isActive: true,
  isOnSlate: false,
  players: 2,
  audience: { players: 40, edges: 3, kbps: 20_000, lagMs: 120 },
  publisherId: "",
  reserveId: "",
  videoMessages: 300,
  messages: 800,
  receivedBytes: 5_000,
  sentBytes: 10_000,
  rate: RATE,
  health: {
    ...{ encoder: "Lavf60", frameRate: 29.97, keyframeMs: 2_000 },
    ...{ clockChanges: 1, lostFrames: 2, doubledFrames: 3 },
  },
  video: null,
  audio: null,
  recording: null,
  upstreams: [{
    kind: "pull",
    state: "live",
    origin: "10.0.0.2:1935",
    sinceMs: 60_000,
    attempts: 3,
    switches: 1,
    lastError: "Lost: reset by peer",
    lastSilenceMs: 61,
    lostFrames: 4,
    doubledFrames: 5,
    lostBytes: 6,
    reserve: { state: "missing", origin: "10.0.0.3:1935", ageMs: 7_000 },
  }],
};

/** A server with an origin vhost and an edge vhost, a publisher and a waiting player. */
export const SNAPSHOT: ServerSnapshot = {
  process: {
    pid: 4711,
    parentPid: 17,
    folder: "/srv",
    machine: {
      ...{ memoryBytes: 1 << 30, freeBytes: 1 << 28, swapBytes: 0, freeSwapBytes: 0 },
      load: [0.5, 0.25, 0.125],
      uptimeSeconds: 777,
    },
    startedAtMs: 1_700_000_000_000,
    uptimeMs: 90_500,
    residentBytes: 64 * 1024 * 1024,
    heapBytes: 12_345,
    userSeconds: 3,
    systemSeconds: 1.5,
    cpuShare: 0.25,
    processors: 2,
  },
  incidents: { kicks: 6, handshakeFailures: 8 },
  callbackFailures: { on_play: 9 },
  bans: 2,
  connections: { open: 5, limit: 1_000 },
  refusals: {
    name: 1,
    rules: 2,
    credentials: 3,
    limits: 4,
    busy: 5,
    callback: 6,
    origin: 7,
    not_live: 8,
    protocol: 9,
  },
  totals: { connections: 20, refused: 3, receivedBytes: 7_000, sentBytes: 9_000, skips: 2 },
  rate: RATE,
  flushes: { count: 4_000, busyMs: 1_500 },
  loopDelay: { boundsSeconds: [0.001, 1], counts: [5, 2, 1], sumSeconds: 2.5 },
  readDelay: { boundsSeconds: [0, 0.04], counts: [90, 9, 1], sumSeconds: 0.25 },
  vhosts: [
    {
      name: "__defaultVhost__",
      enabled: true,
      mode: "local",
      receivedBytes: 100,
      sentBytes: 200,
      messages: 10,
      slates: 3,
      publishers: { splices: 3, restarts: 2, lostFrames: 5, doubledFrames: 4 },
      rate: RATE,
      recordings: { active: 2, writtenBytes: 5000, failures: 1 },
      hlsFragmentMs: 10_000,
      upstreams: null,
      discoveries: [],
      forward: null,
    },
    {
      name: "edge.example",
      enabled: true,
      mode: "remote",
      receivedBytes: 300,
      sentBytes: 400,
      messages: 20,
      slates: 3,
      publishers: { splices: 0, restarts: 0, lostFrames: 0, doubledFrames: 0 },
      rate: RATE,
      recordings: { active: 0, writtenBytes: 0, failures: 0 },
      hlsFragmentMs: null,
      discoveries: [{
        name: "dns:origins.example:1935",
        addresses: ["10.0.0.1:1935", "10.0.0.2:1935"],
        ageMs: 1200,
        lastError: "no answer",
      }],
      upstreams: {
        attempts: 5,
        probes: 12,
        failures: 3,
        refusals: 1,
        spliced: 1,
        restarted: 2,
        resumed: 4,
        silenceMs: 1_500,
        lostFrames: 6,
        doubledFrames: 7,
        lostBytes: 8,
        open: 9,
        waiting: 10,
        lingering: 11,
      },
      forward: null,
    },
  ],
  streams: [
    {
      ...PULLED,
      vhost: "__defaultVhost__",
      name: "live/show",
      players: 1,
      audience: { players: 1, edges: 0, kbps: 0, lagMs: 0 },
      publisherId: "c1",
      reserveId: "",
      health: {
        ...{ encoder: "Lavf60", frameRate: 29.97, keyframeMs: 2_000 },
        ...{ clockChanges: 1, lostFrames: 2, doubledFrames: 3 },
      },
      video: { codec: "H264", profile: "High", level: "3.1", width: 1280, height: 720 },
      audio: { codec: "AAC", profile: "LC", sampleRate: 44_100, channels: 2 },
      upstreams: [],
    },
    PULLED,
  ],
  ended: [{
    ...{ vhost: "__defaultVhost__", name: "live/past", isOwner: true, videoMessages: 30 },
    ...{ receivedBytes: 700, sentBytes: 1_400, lostFrames: 2, doubledFrames: 1 },
  }],
  clients: [
    {
      id: "c1",
      type: "fmle-publish",
      vhost: "__defaultVhost__",
      stream: "live/show",
      ip: "203.0.113.9",
      tcUrl: "rtmp://edge.example/live",
      pageUrl: "",
      swfUrl: "",
      edge: null,
      isHeld: false,
      isReserve: false,
      ageMs: 12_345,
      receivedBytes: 7_000,
      sentBytes: 3_500,
      skips: 0,
      rate: RATE,
    },
    {
      id: "c2",
      type: "rtmp-play",
      vhost: "edge.example",
      stream: "live/room/show",
      ip: "2001:db8::1",
      tcUrl: "rtmp://edge.example/live/room",
      pageUrl: "https://example.com/page",
      swfUrl: "",
      edge: null,
      isHeld: true,
      isReserve: false,
      ageMs: 1_000,
      receivedBytes: 0,
      sentBytes: 5_500,
      skips: 2,
      rate: RATE,
    },
  ],
};

/** A view of a server that exists only as data. */
export class FakeView implements ServerView {
  /** Ids of the clients kicked so far. */
  readonly kicked: string[] = [];
  /** The bans in force. */
  banned: Ban[] = [];
  /** What {@linkcode move} was asked for. */
  readonly moved: [MoveSelector, string | null][] = [];
  snapshotNow: ServerSnapshot = SNAPSHOT;

  snapshot(): Promise<ServerSnapshot> {
    return Promise.resolve(this.snapshotNow);
  }

  move(selector: MoveSelector, target: string | null): Promise<MoveCounts> {
    this.moved.push([selector, target]);
    return Promise.resolve({ asked: 1, unable: 0 });
  }

  ban(bans: readonly Ban[]): Promise<void> {
    this.banned.push(...bans);
    return Promise.resolve();
  }

  lift(ip: string): Promise<boolean> {
    const count = this.banned.length;
    this.banned = this.banned.filter((ban) => ban.ip !== ip);
    return Promise.resolve(this.banned.length < count);
  }

  bans(): Promise<readonly Ban[]> {
    return Promise.resolve(this.banned);
  }

  kick(clientId: string): Promise<boolean> {
    this.kicked.push(clientId);
    return Promise.resolve(this.snapshotNow.clients.some(({ id }) => id === clientId));
  }
}
