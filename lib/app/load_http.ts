/**
 * Brings the HTTP side when the configuration asks for it. An edge that only speaks RTMP goes without: with
 * its libraries it would take 8 MB more.
 */

import type { Config } from "../config/config.ts";
import type { OpenHttp } from "./http_face.ts";

/** What opens the HTTP side, or undefined when there is to be none. */
export async function loadHttp({ httpApi, httpServer }: Config): Promise<OpenHttp | undefined> {
  if (!httpApi.enabled && !httpServer.enabled) return undefined;
  return (await import("./http_face.ts")).openHttpFace;
}
