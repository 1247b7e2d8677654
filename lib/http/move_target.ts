import { checkMoveTarget } from "../server/move_clients.ts";
import type { RouteContext } from "./routes.ts";

/** Returns `tcUrl` of the query, null if there is none, or the answer to an invalid one. */
export function readMoveTarget(c: RouteContext): string | null | Response {
  // Other bodies than JSON are not read. Clients must not move somewhere else because of that.
  const hasBody = c.req.header("transfer-encoding") !== undefined ||
    (c.req.header("content-length") ?? "0") !== "0";
  if (hasBody) {
    return c.text(
      "Write parameters into the query, or a short body of the type application/json\n",
      400,
    );
  }
  const tcUrl = c.req.query("tcUrl") ?? "";
  const objection = tcUrl === "" ? null : checkMoveTarget(tcUrl);
  return objection === null ? tcUrl || null : c.text(`${objection}\n`, 400);
}
