/** Constants of the protocol, with their sections in the RTMP 1.0 specification. */

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
  /** RTMP Go Away of facebookincubator, without a payload. */
  GO_AWAY: 32,
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
 * Chunk stream ids that this server writes. They are constant, independent of the publisher's,
 * because all players get the same bytes. RTMP 1.0 §5.4 requires csid 2; the others are common.
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

/** Message stream id of all media: the response to the first `createStream`. */
export const MEDIA_MSID = 1;

/** Chunk size before the first SetChunkSize (RTMP 1.0 §5.4.1). */
export const INITIAL_CHUNK_SIZE = 128;

/** Largest useful chunk size: message lengths have 24 bits (RTMP 1.0 §5.4.1). */
export const MAX_CHUNK_SIZE = 0xFFFFFF;

/** Timestamps and deltas from this value on use the 4-byte extended field (RTMP 1.0 §5.3.1.3). */
export const EXTENDED_TIMESTAMP = 0xFFFFFF;

/** `NetStream` and `NetConnection` status codes that this server sends or handles. */
export const StatusCode = {
  CONNECT_SUCCESS: "NetConnection.Connect.Success",
  CONNECT_REJECTED: "NetConnection.Connect.Rejected",
  /** Enhanced RTMP v2, "Reconnect Request". */
  RECONNECT_REQUEST: "NetConnection.Connect.ReconnectRequest",
  CALL_FAILED: "NetConnection.Call.Failed",
  PLAY_RESET: "NetStream.Play.Reset",
  PLAY_START: "NetStream.Play.Start",
  PLAY_FAILED: "NetStream.Play.Failed",
  PLAY_STREAM_NOT_FOUND: "NetStream.Play.StreamNotFound",
  PLAY_PUBLISH_NOTIFY: "NetStream.Play.PublishNotify",
  PLAY_UNPUBLISH_NOTIFY: "NetStream.Play.UnpublishNotify",
  SEEK_NOTIFY: "NetStream.Seek.Notify",
  PAUSE_NOTIFY: "NetStream.Pause.Notify",
  UNPAUSE_NOTIFY: "NetStream.Unpause.Notify",
  PUBLISH_START: "NetStream.Publish.Start",
  PUBLISH_BAD_NAME: "NetStream.Publish.BadName",
  PUBLISH_DENIED: "NetStream.Publish.Denied",
  PUBLISH_FAILED: "NetStream.Publish.Failed",
  UNPUBLISH_SUCCESS: "NetStream.Unpublish.Success",
} as const;
