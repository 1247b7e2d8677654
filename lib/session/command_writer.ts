import { amfObject, type AmfValue } from "../amf/amf_value.ts";
import { type Command, encodeCommand } from "../rtmp/commands.ts";
import { CONTROL_MSID, INITIAL_CHUNK_SIZE, MEDIA_MSID, StatusCode } from "../rtmp/constants.ts";
import { encodeSetChunkSize } from "../rtmp/control_messages.ts";
import { type Status, statusCommand, statusObject } from "../rtmp/status.ts";

/** Receives encoded bytes for the peer. */
interface ByteOutput {
  send(bytes: Uint8Array): void;
}

/** Sends a server's commands and statuses in chunks of the size that the peer expects. */
export class CommandWriter {
  readonly #output: ByteOutput;
  #chunkSize: number = INITIAL_CHUNK_SIZE;

  constructor(output: ByteOutput) {
    this.#output = output;
  }

  /** Chunk size last announced to the peer, in bytes. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** Announces a new chunk size, in bytes, and uses it from then on. */
  setChunkSize(chunkSize: number): void {
    this.send(encodeSetChunkSize(chunkSize));
    this.#chunkSize = chunkSize;
  }

  /** Sends encoded chunks. */
  send(bytes: Uint8Array): void {
    this.#output.send(bytes);
  }

  /** Sends a command on message stream `msid`. */
  command(command: Command, msid: number): void {
    this.send(encodeCommand(command, { msid, chunkSize: this.#chunkSize }));
  }

  /** Answers the request `transactionId` with success and `value`. */
  result(transactionId: number, value: AmfValue): void {
    this.command({ name: "_result", transactionId, values: [null, value] }, CONTROL_MSID);
  }

  /** Answers the request `transactionId` with a failure. */
  error(transactionId: number, description: string, code: string = StatusCode.CALL_FAILED): void {
    const values = [null, statusObject({ level: "error", code, description })];
    this.command({ name: "_error", transactionId, values }, CONTROL_MSID);
  }

  /** Sends an `onStatus`. */
  status(status: Status, msid: number = MEDIA_MSID): void {
    this.command(statusCommand(status), msid);
  }

  /** Sends `onFCPublish` or `onFCUnpublish`, which FMLE expects. */
  fcStatus(name: string, { code, description }: Status): void {
    const info = amfObject({ code, description });
    this.command({ name, transactionId: 0, values: [null, info] }, MEDIA_MSID);
  }
}
