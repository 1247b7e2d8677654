/** The HTTP API of the server that this page comes from. */

/** Entries of a list that the page asks for; it says how many there are beyond. */
const MAX_ENTRIES = 1000;

const TIMEOUT_MS = 5000;

/** The server answered, but not with what was asked for. */
export class ApiError extends Error {}

/** Everything that the page shows. */
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

/** What the page must know beside the API; see the server's `ConsoleStreams`. */
export async function fetchConfig() {
  return await fetchJson("config.json", "GET");
}

/**
 * Disconnects a client.
 *
 * @param {string} id
 * @returns {Promise<boolean>} false when it is gone already
 */
export async function kick(id) {
  const { code } = await fetchJson(`../api/v1/clients/${encodeURIComponent(id)}`, "DELETE");
  return code === 0;
}

/** @param {string} path below `/api/v1/` */
async function call(path) {
  const answer = await fetchJson(`../api/v1/${path}`, "GET");
  if (answer.code !== 0) throw new ApiError(`The API answers with code ${answer.code}`);
  return answer;
}

/**
 * @param {string} path
 * @param {"GET" | "DELETE"} method
 */
async function fetchJson(path, method) {
  const response = await fetch(path, { method, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new ApiError(`The server answers with status ${response.status}`);
  return await response.json();
}
