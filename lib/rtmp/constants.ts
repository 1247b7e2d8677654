/** Numbers of the wire, with their sections in the RTMP 1.0 specification. */

/** Message type ids (RTMP 1.0 §5.4, §7.1). */
export const MessageType = {
  SET_CHUNK_SIZE: 1,
  ABORT: 2,
  ACKNOWLEDGEMENT: 3,
  USER_CONTROL: 4,
  WINDOW_ACK_SIZE: 5,
  SET_PEER_BANDWIDTH: 6,
  AUDIO: 8,
  VIDEO: 9,
  DATA_AMF3: 15,
  COMMAND_AMF3: 17,
  DATA_AMF0: 18,
  COMMAND_AMF0: 20,
  AGGREGATE: 22,
} as const;

/** User control event types (RTMP 1.0 §7.1.7). */
export const UserControlEvent = {
  STREAM_BEGIN: 0,
  STREAM_EOF: 1,
  SET_BUFFER_LENGTH: 3,
  PING_REQUEST: 6,
  PING_RESPONSE: 7,
} as const;

/**
 * Chunk stream ids this server writes. Constant for everybody, never the publisher's own: the same
 * bytes go to all players (csid 2 is fixed by RTMP 1.0 §5.4, the others are usual).
 */
export const Csid = {
  CONTROL: 2,
  COMMAND: 3,
  DATA: 5,
  AUDIO: 4,
  VIDEO: 6,
} as const;

/** Message stream id of control messages and of NetConnection commands (RTMP 1.0 §5.4, §7.2.1). */
export const CONTROL_MSID = 0;

/** Message stream id of all media: the id the server answers the first `createStream` with. */
export const MEDIA_MSID = 1;

/** Chunk size in force before the first SetChunkSize (RTMP 1.0 §5.4.1). */
export const INITIAL_CHUNK_SIZE = 128;

/** The largest chunk size that means something: message lengths have 24 bits (RTMP 1.0 §5.4.1). */
export const MAX_CHUNK_SIZE = 0xFFFFFF;

/** Timestamps and deltas from here on travel in the 4-byte extended field (RTMP 1.0 §5.3.1.3). */
export const EXTENDED_TIMESTAMP = 0xFFFFFF;

/** `NetStream` and `NetConnection` status codes that this server sends or acts on. */
export const StatusCode = {
  CONNECT_SUCCESS: "NetConnection.Connect.Success",
  CONNECT_REJECTED: "NetConnection.Connect.Rejected",
  PLAY_RESET: "NetStream.Play.Reset",
  PLAY_START: "NetStream.Play.Start",
  PLAY_FAILED: "NetStream.Play.Failed",
  PLAY_STREAM_NOT_FOUND: "NetStream.Play.StreamNotFound",
  PLAY_PUBLISH_NOTIFY: "NetStream.Play.PublishNotify",
  PLAY_UNPUBLISH_NOTIFY: "NetStream.Play.UnpublishNotify",
  PAUSE_NOTIFY: "NetStream.Pause.Notify",
  UNPAUSE_NOTIFY: "NetStream.Unpause.Notify",
  PUBLISH_START: "NetStream.Publish.Start",
  PUBLISH_BAD_NAME: "NetStream.Publish.BadName",
  PUBLISH_DENIED: "NetStream.Publish.Denied",
  PUBLISH_FAILED: "NetStream.Publish.Failed",
  UNPUBLISH_SUCCESS: "NetStream.Unpublish.Success",
} as const;
