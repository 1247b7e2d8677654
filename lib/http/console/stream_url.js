/** The vhost of clients that do not name one. */
const DEFAULT_VHOST = "__defaultVhost__";

/**
 * Returns the HTTP-FLV URL of a stream, or null if it is not served over HTTP-FLV.
 *
 * @param {{ app: string, name: string }} stream
 * @param {string} vhost name of its vhost
 * @param {{ port: number | null, mounts: Record<string, string> } | null} config from `config.json`
 * @param {{ protocol: string, hostname: string, href: string }} page the location of the page
 */
export function findStreamUrl(stream, vhost, config, page) {
  const mount = config !== null && Object.hasOwn(config.mounts, vhost)
    ? config.mounts[vhost]
    : null;
  if (config === null || mount === null) return null;
  const app = stream.app.split("/").map(encodeURIComponent).join("/");
  // Functions, because `$` is special in a replacement string.
  const path = mount.replace("[app]", () => app)
    .replace("[stream]", () => encodeURIComponent(stream.name));
  const url = config.port === null
    ? new URL(`..${path}`, page.href)
    : new URL(`${page.protocol}//${page.hostname}:${config.port}${path}`);
  if (vhost !== DEFAULT_VHOST) url.searchParams.set("vhost", vhost);
  return url.href;
}
