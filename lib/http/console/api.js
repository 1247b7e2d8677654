/** Calls the HTTP API of the server that served this page. */

const TIMEOUT_MS = 8000;

/** The server answered with an error. */
export class ApiError extends Error {
  /** Whether it wants another password. */
  isLogin = false;
}

/** @param {AbortSignal} signal */
export async function fetchSummary(signal) {
  return (await get("summaries", {}, signal)).data;
}

/** @param {AbortSignal} signal */
export async function fetchVhosts(signal) {
  return (await get("vhosts", {}, signal)).vhosts;
}

/**
 * Fetches some entries of a list, and how many there are.
 *
 * @param {import("./state.js").ViewName} name
 * @param {Record<string, string | number | undefined>} query empty values are left out
 * @param {AbortSignal} signal
 * @returns {Promise<{ items: any[], total: number }>}
 */
export async function fetchList(name, query, signal) {
  const answer = await get(name, query, signal);
  return { items: answer[name], total: answer.total };
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<any>} null when there is no such stream
 */
export async function fetchStream(id, signal) {
  const answer = await call("GET", `../api/v1/streams/${encodeURIComponent(id)}`, signal);
  return answer.code === 0 ? answer.stream : null;
}

/** Fetches where streams are served as HTTP-FLV: the server's `ConsoleStreams`. */
export async function fetchConfig() {
  return await call("GET", "config.json");
}

/**
 * Disconnects a client.
 *
 * @param {string} id
 * @param {string} ban seconds for which its address is refused; empty for none
 * @returns {Promise<boolean>} false if it has already disconnected
 */
export async function kick(id, ban) {
  const { code } = await call("DELETE", pathOf(`clients/${encodeURIComponent(id)}`, { ban }));
  return code === 0;
}

/**
 * Disconnects all clients that `query` selects.
 *
 * @param {Record<string, string>} query `search`, `stream`, `type`
 * @param {string} ban
 * @returns {Promise<number>} how many
 */
export async function kickAll(query, ban) {
  return (await call("DELETE", pathOf("clients", { ...query, ban }))).data.kicked;
}

/**
 * Refuses an address and disconnects its clients.
 *
 * @param {string} ip
 * @param {string} seconds
 * @returns {Promise<number>} how many clients it had
 */
export async function banAddress(ip, seconds) {
  return (await call("POST", pathOf("bans", { ip, seconds }))).data.kicked;
}

/**
 * Ends the ban of an address.
 *
 * @param {string} ip
 * @returns {Promise<boolean>} false if it had ended already
 */
export async function liftBan(ip) {
  const { code } = await call("DELETE", pathOf(`bans/${encodeURIComponent(ip)}`, {}));
  return code === 0;
}

/** Loads the configuration again. */
export async function reload() {
  return await call("POST", pathOf("reload", {}));
}

/** @param {{ timeout: string, tcUrl: string }} order empty texts are left out */
export async function drain(order) {
  return await call("POST", pathOf("drain", order));
}

async function get(path, query, signal) {
  const answer = await call("GET", pathOf(path, query), signal);
  if (answer.code !== 0) throw new ApiError(`The API answered with code ${answer.code}`);
  return answer;
}

function pathOf(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return `../api/v1/${path}${text.size === 0 ? "" : `?${text}`}`;
}

/**
 * @param {"GET" | "POST" | "DELETE"} method
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
async function call(method, path, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, {
    method,
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  if (response.ok) return await response.json();
  // Refusals explain themselves in one line of plain text.
  const isText = response.headers.get("content-type")?.startsWith("text/plain");
  const reason = isText ? (await response.text()).trim() : "";
  const error = new ApiError(reason || `The server answered with status ${response.status}`);
  error.isLogin = response.status === 401;
  throw error;
}
