import { amf0BodyOf } from "../amf/amf3_envelope.ts";
import { WireError } from "../base/errors.ts";
import { splitAggregate } from "../rtmp/aggregate.ts";
import { type ChunkLimits, ChunkReader, type MessageSink } from "../rtmp/chunk_reader.ts";
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
  /** A message was ignored. Called once per kind of message and connection. */
  onIgnored(what: string): void;
}

/**
 * The part of an RTMP connection that is the same on both sides: responds to pings, acknowledges
 * received bytes, follows the peer's window, unpacks aggregates, and separates commands, media and
 * control messages.
 */
export class MessageLayer implements MessageSink {
  readonly #handler: MessageLayerHandler;
  readonly #reader: ChunkReader;
  readonly #ackWindow = new AckWindow();
  /** Kinds of messages ignored so far. Created when needed: normal clients send none. */
  #ignoredKinds: Set<string> | null = null;

  constructor(handler: MessageLayerHandler, limits?: ChunkLimits) {
    this.#handler = handler;
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
    const dueBytes = this.#ackWindow.add(bytes.length);
    if (dueBytes >= 0) this.#handler.send(encodeAcknowledgement(dueBytes));
    this.#reader.push(bytes);
  }

  /** @ignore Called by the chunk reader for every complete message. */
  onMessage(typeId: number, timestampMs: number, msid: number, payload: Uint8Array): void {
    if (typeId === MessageType.AGGREGATE) {
      splitAggregate(
        timestampMs,
        payload,
        (subTypeId, subMs, body) => this.#onPayload(subTypeId, subMs, msid, body),
      );
    } else {
      this.#onPayload(typeId, timestampMs, msid, payload);
    }
  }

  #onPayload(typeId: number, timestampMs: number, msid: number, payload: Uint8Array): void {
    switch (typeId) {
      case MessageType.AUDIO:
      case MessageType.VIDEO:
      case MessageType.DATA_AMF0:
        return this.#handler.onMedia(typeId, timestampMs, payload, msid);
      case MessageType.DATA_AMF3:
        return this.#onAmf3Data(timestampMs, msid, payload);
      case MessageType.COMMAND_AMF0:
      case MessageType.COMMAND_AMF3:
        return this.#handler.onCommand(decodeCommand(typeId, payload), msid);
      case MessageType.ACKNOWLEDGEMENT:
        return this.#handler.onAcknowledgement(decodeControlU32(payload));
      case MessageType.WINDOW_ACK_SIZE:
        return this.#ackWindow.setWindow(decodeControlU32(payload));
      case MessageType.USER_CONTROL:
        return this.#onUserControl(decodeUserControl(payload));
      case MessageType.SET_CHUNK_SIZE:
      case MessageType.ABORT:
        return; // Applied by the chunk reader.
      case MessageType.SET_PEER_BANDWIDTH:
        return; // Live media cannot be slowed down.
      default:
        return this.#ignore(`message type ${typeId}`);
    }
  }

  #onAmf3Data(timestampMs: number, msid: number, payload: Uint8Array): void {
    let body: Uint8Array;
    try {
      body = amf0BodyOf(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#ignore("AMF3 data message");
    }
    this.#handler.onMedia(MessageType.DATA_AMF0, timestampMs, body, msid);
  }

  #onUserControl(control: UserControl): void {
    if (control.event === UserControlEvent.PING_REQUEST) {
      this.#handler.send(encodePingResponse(control.value));
    } else {
      this.#handler.onUserControl(control);
    }
  }

  #ignore(what: string): void {
    // The set is bounded: message types are one byte.
    this.#ignoredKinds ??= new Set();
    if (this.#ignoredKinds.has(what)) return;
    this.#ignoredKinds.add(what);
    this.#handler.onIgnored(what);
  }
}
