/** A message of a stream, with its time in the file. */
export interface RecordedMessage {
  /** 8 (audio), 9 (video) or 18 (data). */
  readonly typeId: number;
  /** In ms from the first frame on, or stream time; never wraps. */
  readonly timeMs: number;
  /** A view of the stream's log, which never changes. */
  readonly payload: Uint8Array;
}

/** Bytes that replace others in a file. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Turns the messages of one file into its bytes. */
export interface FileFormat {
  /** Whether the file must end before this message, because it cannot describe it. */
  endsBefore(message: RecordedMessage): boolean;
  /** Takes a message. Its payload is kept until {@linkcode take}. */
  push(message: RecordedMessage): void;
  /** Returns the bytes to append for what was pushed, as far as they are known. */
  take(): Promise<Uint8Array>;
  /** Returns the last bytes to append. Nothing is pushed afterwards. */
  takeRest(): Promise<Uint8Array>;
  /** What was taken so far is in the file. */
  noteWritten(): void;
  /** Returns what is known only at the end of a file of `fileBytes` bytes. */
  patches(fileBytes: number): readonly Patch[];
}
