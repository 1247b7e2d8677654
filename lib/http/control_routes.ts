import type { HttpApiConfig } from "../config/config.ts";
import type { SettingChange } from "../config/setting_change.ts";
import { formatAddress } from "../io/address.ts";
import type { ReloadReport, ServerControl } from "../monitor/server_control.ts";
import type { Json, ServerIdentity } from "./api_answers.ts";
import { CONTROL_OPERATIONS } from "./api_table.ts";
import { ApiCode, createReply } from "./api_reply.ts";
import { addForwardRoutes } from "./forward_routes.ts";
import { readMoveTarget } from "./move_target.ts";
import { causeOf } from "./request_cause.ts";
import { addRoute, createApp, type HttpApp, type RouteContext } from "./routes.ts";

/** States of a reload, by SRS's numbers. */
const ReloadState = { none: 0, running: 30, finished: 90 } as const;

/** Options of {@linkcode createControlRoutes}. */
interface ControlRoutesOptions {
  readonly control: ServerControl;
  readonly identity: ServerIdentity;
  readonly config: Pick<HttpApiConfig, "listen" | "crossdomain" | "rawApi">;
}

/** The routes by which an operator changes the running program. */
export function createControlRoutes(options: ControlRoutesOptions): HttpApp {
  const { control, identity, config } = options;
  const { rawApi } = config;
  const reply = createReply(identity);
  const app = createApp();
  async function reload(c: RouteContext): Promise<Response> {
    const report = await control.reload(causeOf(c));
    return reply(c, { data: describeReload(report) }, codeOf(report));
  }
  addRoute(app, CONTROL_OPERATIONS.reload.path, { POST: reload });
  addRoute(app, CONTROL_OPERATIONS.drain.path, {
    POST(c) {
      const target = readMoveTarget(c);
      if (target instanceof Response) return target;
      const timeoutMs = readTimeout(c);
      if (timeoutMs instanceof Response) return timeoutMs;
      control.drain({ cause: causeOf(c), target, timeoutMs });
      return reply(c, {});
    },
  });
  addForwardRoutes(app, control, reply);
  addRoute(app, CONTROL_OPERATIONS.raw.path, {
    GET: (c) => {
      const rpc = c.req.query("rpc");
      if (rpc === "raw") return reply(c, { http_api: describeApi(config) });
      if (!rawApi.enabled) return reply(c, {}, ApiCode.rawDisabled);
      if (rpc === "reload-fetch") return reply(c, { data: describeLast(control) });
      if (rpc !== "reload") return reply(c, {}, ApiCode.rawUnknown);
      return rawApi.allowReload ? reload(c) : reply(c, {}, ApiCode.rawDisabled);
    },
  });
  return app;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** Returns `timeout` of the query in ms, null if there is none, or the answer to an invalid one. */
function readTimeout(c: RouteContext): number | null | Response {
  const text = c.req.query("timeout") ?? "";
  if (text === "") return null;
  const [, digits, unit = "s"] = /^(\d{1,7})(ms|s|m)?$/.exec(text) ?? [];
  if (digits === undefined) return c.text("Write the timeout as 90, 90s or 5m\n", 400);
  return Number(digits) * UNIT_MS[unit]!;
}

/** Success means that all that a running server can change is in force. */
function codeOf(report: ReloadReport): number {
  const isComplete = report.type === "applied" && report.failures.length === 0;
  return isComplete ? ApiCode.success : ApiCode.badConfig;
}

function describeReload(report: ReloadReport): Json {
  if (report.type === "refused") return { problems: report.problems };
  const { applied, needsRestart, warnings, failures } = report;
  return {
    applied: applied.map(describeChange),
    needs_restart: needsRestart.map(describeChange),
    warnings,
    failures,
  };
}

function describeChange({ path, from, to, note }: SettingChange): Json {
  return { directive: path, from, to, note };
}

/** What the page "Config" of SRS's console shows. */
function describeApi({ listen, crossdomain, rawApi }: ControlRoutesOptions["config"]): Json {
  const { enabled, allowReload } = rawApi;
  return {
    enabled: true,
    listen: listen.map(formatAddress).join(" "),
    crossdomain,
    raw_api: { enabled, allow_reload: allowReload, allow_query: false, allow_update: false },
  };
}

/** As SRS describes the newest reload. */
function describeLast({ lastReload: last }: ServerControl): Json {
  if (last === null) return { err: 0, msg: "Success", state: ReloadState.none, rid: "" };
  const { id: rid, report } = last;
  if (report === null) return { err: 0, msg: "Success", state: ReloadState.running, rid };
  const msg = report.type === "refused" ? report.problems.join("; ") : "Success";
  return { err: codeOf(report), msg, state: ReloadState.finished, rid };
}
