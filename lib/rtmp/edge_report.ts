/**
 * What our servers tell each other beyond RTMP: who they are, in the answer to an edge's `connect`;
 * how many play a stream, in a data message on the connection by which an edge plays it; and that
 * an edge publishes a stream elsewhere, too, in one on the connection by which it publishes.
 */

import { decodeAmf0Prefix } from "../amf/amf0_decode.ts";
import { encodeAmf0 } from "../amf/amf0_encode.ts";
import { AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import { encodeMessage } from "./chunk_encode.ts";
import { Csid, MessageType } from "./constants.ts";

/** Name of one data message, and the payload of the other. */
const EDGE_REPORT = "onEdgeReport";
const MOVED = encodeAmf0(["onEdgeMoved"]);

/** Most of everything that is believed: numbers from another server are claims. */
const MAX_PLAYERS = 10_000_000;
const MAX_EDGES = 100_000;
const MAX_KBPS = 1_000_000_000;
const MAX_LAG_MS = 3_600_000;

/** Longest name of a server that is kept, in characters. */
const MAX_NAME_LENGTH = 64;

/** What an edge reports about a stream. */
export interface EdgeReport {
  readonly players: number;
  readonly edges: number;
  readonly kbps: number;
  readonly lagMs: number;
}

/** Who a server says it is, in its answer to the `connect` of an edge. */
export interface PeerServer {
  /** Its id of this connection: the one in its log. */
  readonly clientId: string;
  /** Its `server_name`, or an id. */
  readonly serverName: string;
}

/** What an edge knows of the server that has answered. */
export interface KnownServer extends PeerServer {
  /** It takes {@linkcode encodeEdgeMoved}, and closes the connection when it is of no more use. */
  readonly takesMoved: boolean;
}

/** Where a data message is sent. */
interface DataChannel {
  readonly msid: number;
  readonly chunkSize: number;
}

/** Encodes a report on message stream `msid`. */
export function encodeEdgeReport(
  { players, edges, kbps, lagMs }: EdgeReport,
  channel: DataChannel,
): Uint8Array<ArrayBuffer> {
  const payload = encodeAmf0([EDGE_REPORT, amfObject({ players, edges, kbps, lagMs })]);
  return encodeData(payload, channel);
}

/** Encodes that the stream of this connection is published to another server as well. */
export function encodeEdgeMoved(channel: DataChannel): Uint8Array<ArrayBuffer> {
  return encodeData(MOVED, channel);
}

/** Whether a data message is that of {@linkcode encodeEdgeMoved}. */
export function isEdgeMoved(payload: Uint8Array): boolean {
  return payload.length === MOVED.length && payload.every((byte, index) => byte === MOVED[index]);
}

function encodeData(
  payload: Uint8Array,
  { msid, chunkSize }: DataChannel,
): Uint8Array<ArrayBuffer> {
  const header = { csid: Csid.DATA, typeId: MessageType.DATA_AMF0, msid, timestampMs: 0 };
  return encodeMessage(header, payload, chunkSize);
}

/** Reads a data message; null unless it is a report. Each number is 0 to a limit, and whole. */
export function parseEdgeReport(payload: Uint8Array): EdgeReport | null {
  const { values: [name, info] } = decodeAmf0Prefix(payload);
  if (name !== EDGE_REPORT || !(info instanceof AmfObject)) return null;
  return {
    players: bounded(info.get("players"), MAX_PLAYERS),
    edges: bounded(info.get("edges"), MAX_EDGES),
    kbps: bounded(info.get("kbps"), MAX_KBPS),
    lagMs: bounded(info.get("lagMs"), MAX_LAG_MS),
  };
}

/** Returns the entries of a `connect` answer's `data` in which a server says who it is. */
export function describePeerServer({ clientId, serverName }: PeerServer) {
  return { clientId, serverName, edgeReports: 1, edgeMoves: 1 };
}

/** Reads the same; null when the server is none of ours, and takes no reports. */
export function parsePeerServer(info: AmfValue): KnownServer | null {
  const data = info instanceof AmfObject ? info.get("data") : undefined;
  if (!(data instanceof AmfObject) || data.get("edgeReports") !== 1) return null;
  return {
    clientId: plainName(data.get("clientId")),
    serverName: plainName(data.get("serverName")),
    takesMoved: data.get("edgeMoves") === 1,
  };
}

/** Returns a server's name or id as it may be logged: without what no name contains. */
export function plainName(value: AmfValue): string {
  return typeof value === "string" ? value.slice(0, MAX_NAME_LENGTH).replace(/[^\w.:@-]/g, "") : "";
}

function bounded(value: AmfValue, max: number): number {
  return typeof value === "number" && value > 0 ? Math.round(Math.min(value, max)) : 0;
}
