/** The envelope that all answers of the API have. */

import type { Json, ServerIdentity } from "./api_answers.ts";
import type { RouteContext } from "./routes.ts";

/** Codes of SRS. An unknown path has its HTTP status as code. */
export const ApiCode = {
  success: 0,
  badConfig: 1023,
  rawUnknown: 1060,
  rawDisabled: 1061,
  noVhost: 2014,
  noStream: 2048,
  noClient: 2049,
  /** Own. */
  noForward: 2050,
  /** Own. */
  noBan: 2051,
  noPath: 404,
} as const;

/**
 * Returns `fields` in SRS's envelope; the code is {@linkcode ApiCode} `success` by default. As in
 * SRS, the HTTP status is 200 except for unknown paths.
 */
export type Reply = (c: RouteContext, fields: Json, code?: number) => Response;

/** Makes the answers of one server. */
export function createReply({ serverId: server, serviceId: service, pid }: ServerIdentity): Reply {
  return (c, fields, code = ApiCode.success) => {
    const status = code === ApiCode.noPath ? 404 : 200;
    return c.json({ code, server, service, pid: String(pid), ...fields }, status);
  };
}
