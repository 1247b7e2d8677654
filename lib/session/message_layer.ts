import { amf0BodyOf, withoutFormatByte } from "../amf/amf3_envelope.ts";
import { WireError } from "../base/errors.ts";
import { quotePeerText } from "../base/text.ts";
import { splitAggregate } from "../rtmp/aggregate.ts";
import { CONSTANT_LIMITS, type LimitsSource } from "../rtmp/chunk_limits.ts";
import { ChunkReader, type MessageSink } from "../rtmp/chunk_reader.ts";
import { type Command, decodeCommand } from "../rtmp/commands.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import {
  decodeControlU32,
  decodeUserControl,
  encodeAcknowledgement,
  encodePingResponse,
  type UserControl,
} from "../rtmp/control_messages.ts";
import { AckWindow } from "./ack_window.ts";

/** Receives the messages from a {@linkcode MessageLayer}. */
export interface MessageLayerHandler {
  /** Bytes for the peer. May be kept but not changed. */
  send(bytes: Uint8Array): void;
  /** `command.damage` says whether all of it could be read. */
  onCommand(command: Command, msid: number): void;
  /**
   * An audio, video or data message: `typeId` is 8, 9 or 18, because AMF3 data and aggregates are
   * unpacked. `payload` is valid only during the call.
   */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array, msid: number): void;
  /** A user control event other than a ping request. */
  onUserControl(control: UserControl): void;
  /** The peer has received `totalBytes` (u32) so far. */
  onAcknowledgement(totalBytes: number): void;
  /** The peer sent a ping. Without this method it is answered at once. */
  onPing?(answer: () => void): void;
  /** The peer asks to be left (RTMP Go Away). */
  onGoAway?(): void;
  /** A message was ignored. Called once per kind of message and connection. */
  onIgnored(what: string): void;
}

/**
 * The part of an RTMP connection that is the same on both sides: responds to pings, acknowledges
 * received bytes, follows the peer's window, unpacks aggregates, and separates commands, media and
 * control messages.
 *
 * Chunks frame messages, so a message that cannot be read is ignored and the next one is read as
 * usual.
 */
export class MessageLayer implements MessageSink {
  readonly #handler: MessageLayerHandler;
  readonly #limits: LimitsSource;
  readonly #reader: ChunkReader;
  readonly #ackWindow = new AckWindow();
  /** Bytes that are counted as received, but not read yet. */
  #countedBytes = 0;
  /** Kinds of messages ignored so far. Created when needed: normal clients send none. */
  #ignoredKinds: Set<string> | null = null;

  constructor(handler: MessageLayerHandler, limits: LimitsSource = CONSTANT_LIMITS) {
    this.#handler = handler;
    this.#limits = limits;
    this.#reader = new ChunkReader(this, limits);
  }

  /** Acknowledges every half of `windowBytes`, or of a smaller window that the peer announces. */
  setAckWindow(windowBytes: number): void {
    this.#ackWindow.setWindow(windowBytes);
  }

  /**
   * Reads the next bytes after the handshake.
   *
   * @throws {WireError} when the peer violates the protocol; close the connection
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.pushPart(bytes.subarray(at));
  }

  /**
   * Reads a part of the next bytes, about a millisecond of work; see
   * {@linkcode ChunkReader.pushPart}.
   *
   * @returns bytes read; pass the rest in the next call
   * @throws {WireError} as {@linkcode push} does
   */
  pushPart(bytes: Uint8Array): number {
    const dueBytes = this.#ackWindow.add(bytes.length - this.#countedBytes);
    if (dueBytes >= 0) this.#handler.send(encodeAcknowledgement(dueBytes));
    const count = this.#reader.pushPart(bytes);
    this.#countedBytes = bytes.length - count;
    return count;
  }

  /** @ignore Called by the chunk reader for every complete message. */
  onMessage(typeId: number, timestampMs: number, msid: number, payload: Uint8Array): void {
    if (typeId !== MessageType.AGGREGATE) {
      this.#onPayload(typeId, timestampMs, msid, payload);
    } else if (this.#limits.limits.maxAggregateBytes > 0) {
      splitAggregate(timestampMs, payload, (subTypeId, subMs, body) => {
        // RTMP 1.0 §7.1.6 permits nothing else.
        if (isMedia(subTypeId)) this.#onPayload(subTypeId, subMs, msid, body);
        else this.#ignore(`message type ${subTypeId} in an aggregate`);
      });
    } else {
      this.#ignore("aggregate of a peer that does not publish");
    }
  }

  #onPayload(typeId: number, timestampMs: number, msid: number, payload: Uint8Array): void {
    const handler = this.#handler;
    switch (typeId) {
      case MessageType.AUDIO:
      case MessageType.VIDEO:
        return handler.onMedia(typeId, timestampMs, payload, msid);
      case MessageType.DATA_AMF0:
        return handler.onMedia(typeId, timestampMs, withoutFormatByte(payload), msid);
      case MessageType.DATA_AMF3:
        return this.#read(typeId, payload, amf0BodyOf, (body) => {
          handler.onMedia(MessageType.DATA_AMF0, timestampMs, body, msid);
        });
      case MessageType.COMMAND_AMF0:
      case MessageType.COMMAND_AMF3:
        return this.#read(typeId, payload, decodeCommand, (command) => {
          if (command.damage !== undefined) this.#ignoreTail(command);
          handler.onCommand(command, msid);
        });
      case MessageType.ACKNOWLEDGEMENT:
        return this.#read(typeId, payload, decodeControlU32, (totalBytes) => {
          handler.onAcknowledgement(totalBytes);
        });
      case MessageType.WINDOW_ACK_SIZE:
        return this.#read(typeId, payload, decodeControlU32, (windowBytes) => {
          this.#ackWindow.setWindow(windowBytes);
        });
      case MessageType.USER_CONTROL:
        return this.#read(typeId, payload, decodeUserControl, (control) => {
          this.#onUserControl(control);
        });
      case MessageType.SET_CHUNK_SIZE:
      case MessageType.ABORT:
        // Applied by the chunk reader, if they are long enough.
        return this.#read(typeId, payload, decodeControlU32, () => {});
      case MessageType.SET_PEER_BANDWIDTH:
        return; // Live media cannot be slowed down.
      case MessageType.GO_AWAY:
        if (handler.onGoAway !== undefined) return handler.onGoAway();
        return this.#ignore(`message type ${typeId}`);
      default:
        return this.#ignore(`message type ${typeId}`);
    }
  }

  /** Decodes a message and passes the result on. Ignores a message that cannot be decoded. */
  #read<T>(
    typeId: number,
    payload: Uint8Array,
    decode: (payload: Uint8Array) => T,
    onDecoded: (decoded: T) => void,
  ): void {
    let decoded: T;
    try {
      decoded = decode(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#ignore(`unreadable message of type ${typeId}`, error);
    }
    onDecoded(decoded);
  }

  #ignoreTail({ name, damage }: Command): void {
    this.#ignore("unreadable arguments", damage, `of command ${quotePeerText(name)}`);
  }

  #onUserControl(control: UserControl): void {
    if (control.event === UserControlEvent.PING_REQUEST) {
      const answer = () => this.#handler.send(encodePingResponse(control.value));
      if (this.#handler.onPing === undefined) answer();
      else this.#handler.onPing(answer);
    } else {
      this.#handler.onUserControl(control);
    }
  }

  /** @param kind One of a bounded number: message types are one byte, and occur in two places. */
  #ignore(kind: string, error?: WireError, details = ""): void {
    this.#ignoredKinds ??= new Set();
    if (this.#ignoredKinds.has(kind)) return;
    this.#ignoredKinds.add(kind);
    const reason = error === undefined ? "" : `: ${error.message}`;
    this.#handler.onIgnored(details === "" ? kind + reason : `${kind} ${details}${reason}`);
  }
}

function isMedia(typeId: number): boolean {
  return typeId === MessageType.AUDIO || typeId === MessageType.VIDEO ||
    typeId === MessageType.DATA_AMF0;
}
