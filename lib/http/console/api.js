/** Calls the HTTP API of the server that served this page. */

/** Entries requested per list. The page shows the total as well. */
const MAX_ENTRIES = 1000;

const TIMEOUT_MS = 5000;

/** The server answered with an error. */
export class ApiError extends Error {}

/** Fetches everything the page shows. */
export async function fetchSnapshot() {
  const [summaries, vhosts, streams, clients] = await Promise.all([
    call("summaries"),
    call("vhosts"),
    call(`streams?count=${MAX_ENTRIES}`),
    call(`clients?count=${MAX_ENTRIES}`),
  ]);
  return {
    summary: summaries.data,
    vhosts: vhosts.vhosts,
    streams: streams.streams,
    streamTotal: streams.total,
    clients: clients.clients,
    clientTotal: clients.total,
  };
}

/** Fetches where streams are served as HTTP-FLV: the server's `ConsoleStreams`. */
export async function fetchConfig() {
  return await fetchJson("config.json", "GET");
}

/**
 * Disconnects a client.
 *
 * @param {string} id
 * @returns {Promise<boolean>} false if it has already disconnected
 */
export async function kick(id) {
  const { code } = await fetchJson(`../api/v1/clients/${encodeURIComponent(id)}`, "DELETE");
  return code === 0;
}

/** @param {string} path below `/api/v1/` */
async function call(path) {
  const answer = await fetchJson(`../api/v1/${path}`, "GET");
  if (answer.code !== 0) throw new ApiError(`The API answered with code ${answer.code}`);
  return answer;
}

/**
 * @param {string} path
 * @param {"GET" | "DELETE"} method
 */
async function fetchJson(path, method) {
  const response = await fetch(path, { method, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new ApiError(`The server answered with status ${response.status}`);
  return await response.json();
}
