import type {
  ClientSnapshot,
  ServerSnapshot,
  StreamSnapshot,
} from "../../lib/monitor/server_view.ts";
import { PULLED, SNAPSHOT } from "../http/fake_view.ts";

const STREAMS = 1_000;
const CLIENTS = 10_000;

const PLACES = ["arena", "chapel", "harbour", "lobby", "stage", "studio", "tower", "yard"];

/**
 * A server with 1,000 streams and 10,000 clients, of which 3 are edges, whose numbers depend on
 * `step`: each poll of the page then changes every row.
 */
export function crowdedServer(step: number): ServerSnapshot {
  const streams = Array.from({ length: STREAMS }, (_, at) => crowdedStream(at, step));
  const clients = Array.from({ length: CLIENTS }, (_, at) => crowdedClient(at, step));
  const kbps = streams.reduce((sum, { rate }) => sum + rate.recvKbps, 0);
  const received = step * kbps * 250;
  return {
    ...SNAPSHOT,
    process: {
      ...SNAPSHOT.process,
      ...{ uptimeMs: 90_000_000 + step * 2_000, cpuShare: 0.4 + wave(step, 7) / 10 },
      residentBytes: 420 * 1024 * 1024,
    },
    vhosts: SNAPSHOT.vhosts.map((vhost) => ({
      ...vhost,
      receivedBytes: received / 2,
      sentBytes: received * 9 / 2,
    })),
    streams,
    clients,
  };
}

/** Between 0 and 1. */
function wave(step: number, phase: number): number {
  return (Math.sin(step / 5 + phase) + 1) / 2;
}

function nameOf(at: number): string {
  return `live/${PLACES[at % PLACES.length]}-${String(at).padStart(4, "0")}`;
}

function baseKbps(at: number): number {
  return 2_000 + (at * 37) % 4_000;
}

/** Two seconds a step, at rates that go up and down. */
function traffic(at: number, step: number, isLive: boolean, players: number) {
  const sumOfWaves = step / 2 - 2.5 * Math.cos(step / 5 + at);
  const receivedBytes = isLive ? Math.round(250 * (step * baseKbps(at) + 400 * sumOfWaves)) : 0;
  return { receivedBytes, sentBytes: receivedBytes * players };
}

/** Three of four are published here, the others are pulled; one of fifty has no source. */
function crowdedStream(at: number, step: number): StreamSnapshot {
  const isPulled = at % 4 === 3;
  const isLive = at % 50 !== 49;
  const kbps = isLive ? Math.round(baseKbps(at) + 400 * wave(step, at)) : 0;
  const players = isLive ? Math.round((at * 13) % 40 + 5 * wave(step, at * 2)) : 1;
  const [leg] = PULLED.upstreams;
  return {
    ...PULLED,
    vhost: isPulled ? "edge.example" : "__defaultVhost__",
    name: nameOf(at),
    isActive: isLive,
    players,
    audience: {
      players: players * 40,
      edges: 3,
      kbps: players * kbps,
      lagMs: Math.round(40 + 160 * wave(step, at * 3)),
    },
    publisherId: isPulled || !isLive ? "" : `c${at + 1}`,
    ...traffic(at, step, isLive, (at * 13) % 40),
    rate: { recvKbps: kbps, sendKbps: kbps * players },
    health: {
      ...{ encoder: "obs-output module (libobs 30.2.2)", frameRate: isLive ? 29.97 : 0 },
      ...{ keyframeMs: 2_000, clockChanges: at % 9, lostFrames: 0, doubledFrames: 0 },
    },
    video: isLive
      ? { codec: "H264", profile: "High", level: "4.1", width: 1920, height: 1080 }
      : null,
    audio: isLive ? { codec: "AAC", profile: "LC", sampleRate: 48_000, channels: 2 } : null,
    upstreams: isPulled
      ? [{
        ...leg!,
        origin: `10.0.0.${at % 6 + 1}:1935`,
        state: isLive ? "live" : "connecting",
        switches: at % 5,
        lastError: isLive ? "" : "Refused: stream not found",
        lostFrames: at % 3,
      }]
      : [],
  };
}

/** The first are publishers and edges, the others players. */
function crowdedClient(at: number, step: number): ClientSnapshot {
  const isPublisher = at < STREAMS;
  const isEdge = at >= STREAMS && at < STREAMS + 3;
  const kbps = Math.round(2_000 + (at * 37) % 4_000 + 300 * wave(step, at));
  return {
    ...SNAPSHOT.clients[1]!,
    id: at % 3 === 2 && !isPublisher ? `h${at + 1}` : `c${at + 1}`,
    type: isPublisher ? "fmle-publish" : at % 3 === 2 ? "flv-play" : "rtmp-play",
    vhost: at % 4 === 3 ? "edge.example" : "__defaultVhost__",
    stream: nameOf(at % STREAMS),
    ip: at % 10 === 9
      ? `2001:db8:85a3:1234:5678:8a2e:370:${at.toString(16)}`
      : `192.0.${at >> 8}.${at & 255}`,
    isHeld: false,
    edge: isEdge
      ? {
        id: `edge-${at}`,
        name: `leaf-${at - STREAMS + 1}`,
        audience: { players: 4_000 + at, edges: 1, kbps: 9_000_000, lagMs: 90 },
      }
      : null,
    ageMs: 60_000 + at * 977 + step * 2_000,
    skips: at % 17 === 0 ? at % 5 : 0,
    rate: isPublisher ? { recvKbps: kbps, sendKbps: 4 } : { recvKbps: 4, sendKbps: kbps },
  };
}
