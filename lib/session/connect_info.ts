import { type AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";

/** What to request from the server. */
export interface ClientTarget {
  /** `connect` only finds out whether the server accepts the connection. */
  readonly kind: "play" | "publish" | "connect";
  readonly tcUrl: string;
  readonly app: string;
  /** Stream name with parameters; unused by `connect`. */
  readonly streamName: string;
}

/** Returns the object of a `connect` command. */
export function connectInfo(
  { kind, app, tcUrl }: ClientTarget,
  properties: Readonly<Record<string, AmfValue>> = {},
): AmfObject {
  return amfObject({
    app,
    ...(kind === "publish" ? { type: "nonprivate" } : {}),
    flashVer: kind === "publish" ? "FMLE/3.0 (compatible; edge)" : "LNX 9,0,124,2",
    tcUrl,
    fpad: false,
    capabilities: 239,
    audioCodecs: 3575,
    videoCodecs: 252,
    videoFunction: 1,
    objectEncoding: 0,
    ...properties,
  });
}
