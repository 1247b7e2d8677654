import { ipOf } from "../io/address.ts";
import type { RouteContext } from "./routes.ts";

/** Returns who asked for what, for the log; without the query, which may contain secrets. */
export function causeOf(c: RouteContext): string {
  return `${c.req.method} ${c.req.path} from ${ipOf(c.env.remote)}`;
}
