import type { Clock } from "../base/clock.ts";
import { stableId } from "../base/stable_id.ts";
import { Ticker } from "../base/ticker.ts";
import type { Config, VhostConfig } from "../config/config.ts";
import type { RecordedFile } from "../dvr/dvr_service.ts";
import type { CompleteSegment } from "../hls/hls_service.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { FlvService } from "../http/flv_service.ts";
import { HlsSessions } from "../http/hls_sessions.ts";
import { FlushQueue } from "../io/flush_queue.ts";
import { FlushWheels } from "../io/flush_wheel.ts";
import { ReadBuffers } from "../io/read_buffers.ts";
import { ReadPacer } from "../io/read_pacer.ts";
import { WorkTurns } from "../io/work_turns.ts";
import { LiveStreams } from "../monitor/live_streams.ts";
import { SessionLog } from "../logging/session_log.ts";
import { LiveView } from "../monitor/live_view.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";
import { AdmissionLimits } from "../server/admission_limits.ts";
import { Bans } from "../server/bans.ts";
import { ClientLimits } from "../server/client_limits.ts";
import { Credentials } from "../server/credentials.ts";
import { askDestinations } from "../server/forward_hook.ts";
import { Gate } from "../server/gate.ts";
import { HandoverTrust } from "../server/handover.ts";
import { HlsSignatures } from "../server/hls_signatures.ts";
import { HookClient } from "../server/hook_client.ts";
import { noRefusals } from "../server/refusal_counts.ts";
import type { ClientSource } from "../server/client_report.ts";
import { SessionHook } from "../server/session_hook.ts";
import { SessionUpdates } from "../server/session_updates.ts";
import { reportRecording, reportSegment } from "../server/stream_hooks.ts";
import type { VhostDirectory } from "../server/vhost_directory.ts";
import { RequestSigner } from "../server/request_signer.ts";
import { SecretStore } from "../server/secrets.ts";
import { SessionRecords } from "../server/session_record.ts";
import { Server } from "../server/server.ts";
import { Bridge } from "../threads/bridge.ts";
import { WATCH_PERIOD_MS } from "../upstream/upstream_context.ts";
import { TLS_BLOCKS } from "./certificate_check.ts";
import { Certificates } from "./certificates.ts";
import { MemoryTrim } from "./memory_trim.ts";
import { RelayServer, type RunningServer, type ServerParts } from "./relay_server.ts";
import { SecretFiles } from "./secret_files.ts";
import type { ServerDeps, ThreadSlot } from "./server_deps.ts";
import type { FittedConfig } from "./descriptors.ts";
import { VhostSet } from "./vhost_set.ts";

/** How often streams are sent to the mirrors in other workers, in ms. */
const MIRROR_PERIOD_MS = 20;

/**
 * Starts a server from its configuration.
 *
 * @throws when an address cannot be listened on; then the server listens on none.
 */
export function startServer(config: FittedConfig, deps: ServerDeps): RunningServer {
  const server = new RelayServer(config, createParts(config, deps), deps);
  server.start();
  return server;
}

/** Wires the parts of a server. The one place that knows all of them. */
function createParts(config: Config, deps: ServerDeps): ServerParts {
  const { network, clock, logger, thread } = deps;
  const edgeId = thread?.edgeId ?? crypto.randomUUID().slice(0, 8);
  const idPrefix = thread === undefined ? "" : `w${thread.index}`;
  const identity = { serverId: stableId(edgeId), serviceId: edgeId };
  const shared = createShared(config, deps, edgeId);
  const { queue, bridge } = shared;
  const { secrets, signer, secretFiles, ...access } = createAccess(deps);
  const hooks = new HookClient({ ...deps, server: identity });
  const vhosts = new VhostSet({ ...shared, signer, ...createStreamHooks(hooks) });
  const certificates = createCertificates(deps);
  const limits = new ClientLimits(config, deps);
  const handover = new HandoverTrust();
  const clients: ClientSource[] = [];
  const updates = new SessionUpdates({ hooks, clients });
  const gate = new Gate({
    ...access,
    ...{ vhosts: vhosts.directory, hooks, updates, clock, edgeId, handover },
  });
  const records = createRecords(config, { ...shared, hooks, vhosts: vhosts.directory });
  const context = { ...shared, gate, sessions: records.sessions };
  const server = new Server({ network, limit: limits, idPrefix: `${idPrefix}c`, context });
  const flv = new FlvService({ ...context, idPrefix: `${idPrefix}h` });
  const hlsSessions = createHlsSessions({ ...context, idPrefix: `${idPrefix}v` }, bridge);
  clients.push(server, flv, hlsSessions);
  const live = createLiveStreams(vhosts, bridge);
  const view = new LiveView({
    ...access,
    clock,
    queue,
    vhosts: () => vhosts.live,
    ...{ clients, limits, hooks, probes: server },
    recordings: vhosts.recordings,
    readDelays: shared.pacer.delays,
  });
  return {
    vhosts,
    handover,
    certificates,
    limits,
    admission: access.limits,
    server,
    flv,
    hlsSessions,
    hooks,
    secretFiles,
    ...records,
    view,
    trim: deps.heap ? new MemoryTrim({ ...shared, heap: deps.heap }) : null,
    bridge,
    createHttp: (create, config, status) =>
      create({
        config,
        ...{ clock, logger, network },
        limit: limits,
        certificates,
        view: thread === undefined ? view : null,
        control: deps.control ?? null,
        events: deps.events ?? null,
        identity: { ...identity, pid: Deno.pid },
        streams: {
          ...{ vhosts: vhosts.directory, gate, service: flv, hlsSessions, clock },
          signatures: new HlsSignatures(secrets),
          live,
        },
        ...status,
        hideKeys: (path) => secrets.hideKeys(path),
      }),
  };
}

/** The callbacks about streams. */
function createStreamHooks(hooks: HookClient) {
  return {
    askDestinations: (config: VhostConfig, request: StreamRequest) =>
      askDestinations(hooks, config, request),
    onRecorded: (file: RecordedFile) => reportRecording(hooks, file, Deno.cwd()),
    onSegment: (segment: CompleteSegment) => reportSegment(hooks, segment, Deno.cwd()),
  };
}

/** Where records of sessions go. `sessionLog` is null when there is no file. */
function createRecords(
  { sessionLog: path }: Config,
  { clock, logger, serverName, hooks, vhosts }: Pick<ServerDeps, "clock" | "logger"> & {
    readonly serverName: string;
    readonly hooks: HookClient;
    readonly vhosts: VhostDirectory;
  },
) {
  const sessionHook = new SessionHook(hooks, logger);
  const sessionLog = path === "" ? null : new SessionLog(path, logger);
  const sessions = new SessionRecords({
    ...{ clock, wallMs: Date.now, server: serverName },
    take: (vhost, record) => {
      sessionLog?.append(JSON.stringify(record));
      const service = vhosts.find(vhost);
      if (service !== null) sessionHook.add(service.config, record);
    },
  });
  return { sessionLog, sessionHook, sessions };
}

/** What vhosts and clients both use. */
function createShared({ chunkSize, serverName }: Config, deps: ServerDeps, edgeId: string) {
  const { network, clock, logger, thread } = deps;
  const queue = new FlushQueue(clock);
  const wheels = new FlushWheels(queue, clock);
  const turns = new WorkTurns(clock);
  return {
    network,
    clock,
    logger,
    queue,
    wheels,
    bridge: createBridge(chunkSize, { clock, wheels, thread }),
    turns,
    pacer: new ReadPacer(clock, turns, queue),
    buffers: new ReadBuffers(),
    ticker: new Ticker(clock, WATCH_PERIOD_MS),
    handshake: createHandshakeOptions(clock),
    chunkSize,
    edgeId,
    edgeName: serverName,
    serverName: serverName || edgeId,
  };
}

/** Sessions of HLS viewers; with several workers, they share them. */
function createHlsSessions(
  options: Omit<ConstructorParameters<typeof HlsSessions>[0], "others">,
  bridge: Bridge | null,
): HlsSessions {
  const others = bridge === null ? null : {
    share: (keys: readonly string[], keepMs: number) =>
      bridge.sendAll({ type: "viewer", keys, keepMs }),
    shareKick: (key: string, forMs: number) =>
      bridge.sendAll({ type: "kicked viewer", key, forMs }),
    shareSent: (bytes: ReadonlyMap<string, number>) => bridge.sendAll({ type: "sent", bytes }),
  };
  const sessions = new HlsSessions({ ...options, others });
  if (bridge !== null) {
    bridge.onViewer = (keys, keepMs) => sessions.learn(keys, keepMs);
    bridge.onViewerKicked = (key, forMs) => sessions.learnKick(key, forMs);
    bridge.onSent = (bytes) => sessions.learnSent(bytes);
  }
  return sessions;
}

/** What is live; with several workers, they tell each other. */
function createLiveStreams(vhosts: VhostSet, bridge: Bridge | null): LiveStreams {
  const live = new LiveStreams(() => vhosts.live);
  if (bridge !== null) {
    bridge.onLive = (worker, streams) => live.learn(worker, streams);
    bridge.liveHere = () => live.here();
  }
  return live;
}

/** What decides who is let in, besides the settings of vhosts. */
function createAccess({ clock, logger }: ServerDeps) {
  const secrets = new SecretStore();
  const wallMs = Date.now;
  return {
    secrets,
    secretFiles: new SecretFiles({ store: secrets, clock, logger }),
    signer: new RequestSigner({ secrets, wallMs }),
    credentials: new Credentials({ secrets, clock, logger, wallMs }),
    limits: new AdmissionLimits(),
    refusals: noRefusals(),
    bans: new Bans(clock),
  };
}

/** Those of the blocks that are served in this thread; a worker serves no API. */
function createCertificates(deps: ServerDeps): Certificates {
  return new Certificates({
    ...deps,
    blocks: deps.thread === undefined ? TLS_BLOCKS : ["rtmps", "http_server"],
  });
}

/** Randomness and time for handshakes. */
export function createHandshakeOptions(clock: Clock): HandshakeOptions {
  return {
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    nowMs: Math.trunc(clock.now()),
  };
}

/** Connected to the workers that are running already; null when there is one event loop. */
function createBridge(
  chunkSize: number,
  { clock, wheels, thread }: {
    readonly clock: Clock;
    readonly wheels: FlushWheels;
    readonly thread: ThreadSlot | undefined;
  },
): Bridge | null {
  if (thread === undefined) return null;
  const { index, count, peers } = thread;
  const wheel = wheels.for(MIRROR_PERIOD_MS);
  const bridge = new Bridge({ index, count, chunkSize, wheel, clock });
  for (const peer of peers) bridge.connect(peer.index, peer.port);
  return bridge;
}
