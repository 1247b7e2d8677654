import type { AddedForward } from "../config/added_forwards.ts";
import { formatAddress, ipOf } from "../io/address.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import { type Json, vhostId } from "./api_answers.ts";
import { ApiCode, type Reply } from "./api_reply.ts";
import { CONTROL_OPERATIONS } from "./api_table.ts";
import { addRoute, type HttpApp, type RouteContext } from "./routes.ts";

/** A destination, and whether the configuration has it. */
type Forward = Pick<AddedForward, "id" | "destination"> & { readonly isWritten?: boolean };

const WRITTEN =
  "This destination is in the configuration: remove it there (forward.destination) and reload\n";

/** Adds the routes that list, add and remove destinations of `forward` to `app`. */
export function addForwardRoutes(app: HttpApp, control: ServerControl, reply: Reply): void {
  const { forwards } = control;

  /** Calls `action` with the name of the origin vhost in the path. */
  const ofVhost =
    (action: (c: RouteContext, vhost: string) => Response | Promise<Response>) =>
    (c: RouteContext) => {
      const id = c.req.param("id");
      for (const [name, { mode }] of control.vhosts()) {
        if (mode === "local" && vhostId(name) === id) return action(c, name);
      }
      return reply(c, {}, ApiCode.noVhost);
    };

  function addedTo(vhost: string): Forward[] {
    return forwards.all.filter((each) => each.vhost === vhost);
  }

  /** Those of the configuration: `c1`, `c2`, … in its order. */
  function writtenIn(vhost: string): Forward[] {
    const { enabled, destinations } = control.vhosts().get(vhost)!.forward;
    const added = addedTo(vhost);
    return (enabled ? destinations : [])
      .filter(({ url }) => !added.some(({ destination }) => destination.url === url))
      .map((destination, at) => ({ id: `c${at + 1}`, destination, isWritten: true }));
  }

  /** @returns whether the change is in force */
  async function reload(c: RouteContext, vhost: string): Promise<boolean> {
    const cause = `${c.req.method} forwards of ${vhost} from ${ipOf(c.env.remote)}`;
    return (await control.reload(cause)).type === "applied";
  }

  async function add(c: RouteContext, vhost: string): Promise<Response> {
    const before = forwards.all.length;
    const added = forwards.add(vhost, c.req.query("destination") ?? "");
    if (typeof added === "string") return c.text(`Destination refused: ${added}\n`, 400);
    if (await reload(c, vhost)) return reply(c, { data: describe(added) });
    if (forwards.all.length > before) forwards.remove(vhost, added.id);
    return reply(c, {}, ApiCode.badConfig);
  }

  async function remove(c: RouteContext, vhost: string): Promise<Response> {
    const id = c.req.param("forward") ?? "";
    if (writtenIn(vhost).some((each) => each.id === id)) return c.text(WRITTEN, 400);
    if (!forwards.remove(vhost, id)) return reply(c, {}, ApiCode.noForward);
    const isDone = await reload(c, vhost);
    return reply(c, {}, isDone ? ApiCode.success : ApiCode.badConfig);
  }

  addRoute(app, CONTROL_OPERATIONS.forwards.path, {
    GET: ofVhost((c, vhost) => {
      const own = [...writtenIn(vhost), ...addedTo(vhost)];
      return reply(c, { forwards: own.map(describe) });
    }),
    POST: ofVhost(add),
  });
  addRoute(app, CONTROL_OPERATIONS.removeForward.path, { DELETE: ofVhost(remove) });
}

/** What may be shown: the path is a secret. */
function describe({ id, destination: { address, only }, isWritten = false }: Forward): Json {
  const origin = formatAddress(address);
  return { id, origin, secure: address.isSecure === true, stream: only, configured: isWritten };
}
