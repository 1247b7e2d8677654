/** Where a stream is served as HTTP-FLV. */

/** The vhost of clients that name none. */
const DEFAULT_VHOST = "__defaultVhost__";

/**
 * Address of a stream, or null when it is not served as HTTP-FLV.
 *
 * @param {{ app: string, name: string }} stream
 * @param {string} vhost its name
 * @param {{ port: number | null, mounts: Record<string, string> } | null} served from `config.json`
 * @param {{ protocol: string, hostname: string, href: string }} page its location
 */
export function findStreamUrl(stream, vhost, served, page) {
  const mount = served !== null && Object.hasOwn(served.mounts, vhost)
    ? served.mounts[vhost]
    : null;
  if (served === null || mount === null) return null;
  const app = stream.app.split("/").map(encodeURIComponent).join("/");
  // Functions, for in a replacement text `$` means something.
  const path = mount.replace("[app]", () => app)
    .replace("[stream]", () => encodeURIComponent(stream.name));
  const url = served.port === null
    ? new URL(`..${path}`, page.href)
    : new URL(`${page.protocol}//${page.hostname}:${served.port}${path}`);
  if (vhost !== DEFAULT_VHOST) url.searchParams.set("vhost", vhost);
  return url.href;
}
