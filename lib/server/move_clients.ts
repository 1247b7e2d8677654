import { DEFAULT_VHOST } from "../config/config.ts";
import { quotePeerText } from "../base/text.ts";

/** Which clients are asked to connect again: those with every property that is given. */
export interface MoveSelector {
  /** The client's id. */
  readonly id?: string;
  /** Name of the configured vhost. */
  readonly vhost?: string;
  /** `app/stream`. */
  readonly stream?: string;
  readonly action?: "play" | "publish";
  /** Leave out those that were asked before. */
  readonly isNew?: boolean;
}

/** What became of a move. */
export interface MoveCounts {
  /** Clients that were asked to connect again. */
  readonly asked: number;
  /** Clients that do not know such requests. */
  readonly unable: number;
}

/** Returns the sum of counts. */
export function addMoves(counts: readonly MoveCounts[]): MoveCounts {
  const sum = { asked: 0, unable: 0 };
  for (const { asked, unable } of counts) {
    sum.asked += asked;
    sum.unable += unable;
  }
  return sum;
}

/** Longest `tcUrl` that is sent to clients. In characters. */
const MAX_TC_URL_LENGTH = 1024;

/** Returns why clients cannot be sent to `tcUrl`, with the fix, or null. */
export function checkMoveTarget(tcUrl: string): string | null {
  const fix = "write rtmp://HOST[:PORT][/APP]";
  if (tcUrl.length > MAX_TC_URL_LENGTH) return `tcUrl is longer than ${MAX_TC_URL_LENGTH}; ${fix}`;
  const url = URL.parse(tcUrl);
  const isRtmp = url?.protocol === "rtmp:" || url?.protocol === "rtmps:";
  if (url === null || !isRtmp || url.hostname === "" || /[\s\p{Cc}]/u.test(tcUrl)) {
    return `tcUrl ${quotePeerText(tcUrl)} is no RTMP address; ${fix}`;
  }
  if (url.username !== "" || url.password !== "") return `tcUrl has a password; ${fix}`;
  return null;
}

/**
 * Returns where one client is sent: to `target`, and there to the app and vhost that it uses now
 * unless `target` names an app.
 *
 * @param target An address that {@linkcode checkMoveTarget} accepts.
 * @param vhost Name of the configured vhost.
 */
export function moveTargetOf(target: string, app: string, vhost: string): string {
  const { pathname, search } = new URL(target);
  if ((pathname !== "" && pathname !== "/") || search !== "") return target;
  const params = vhost === DEFAULT_VHOST ? "" : `?vhost=${vhost}`;
  return `${target.replace(/\/$/, "")}/${app}${params}`;
}

/** Whether `selector` is about the client. */
export function isSelected(
  selector: MoveSelector,
  client: Required<Omit<MoveSelector, "isNew">> & { readonly wasAsked: boolean },
): boolean {
  const { isNew, ...wanted } = selector;
  if (isNew === true && client.wasAsked) return false;
  return Object.entries(wanted).every(([key, value]) =>
    value === undefined || client[key as keyof typeof wanted] === value
  );
}
