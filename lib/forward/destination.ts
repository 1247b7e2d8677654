import { UpstreamError } from "../base/errors.ts";
import type { ForwardDestination } from "../config/forward_config.ts";
import { formatOrigin } from "../io/address.ts";
import type { StreamUrl, UpstreamTarget } from "../rtmp/url.ts";

/** A peer may cut what it quotes. */
const SHOWN_LENGTH = 8;

/** Whether stream `app/stream` goes to a destination. */
export function takes({ only }: ForwardDestination, name: string): boolean {
  return only === "" || name === only || name.endsWith(`/${only}`) && !only.includes("/");
}

/** Whether a destination names its stream, so that it can take one at a time. */
export function isForOne({ app, stream }: ForwardDestination): boolean {
  return isOwnKey(stream) && !app.includes("[stream]");
}

/** Whether a server is one that a key was got from, rather than a server like this one. */
export function isForeign({ stream }: ForwardDestination): boolean {
  return isOwnKey(stream);
}

/** What a destination is asked for; undefined when that is what the publisher asked for. */
export function targetOf(
  { address, app, stream }: ForwardDestination,
  url: StreamUrl,
): UpstreamTarget | undefined {
  if (app === "" && stream === "") return undefined;
  const fill = (text: string) =>
    text.replaceAll("[vhost]", () => url.vhost).replaceAll("[app]", () => url.app)
      .replaceAll("[stream]", () => url.stream);
  const asked = app === "" ? url.app : fill(app);
  const { isSecure, port } = address;
  const isUsual = port === (isSecure === true ? 443 : 1935);
  const server = formatOrigin(address);
  const base = isSecure === true ? server : `rtmp://${server}`;
  return {
    tcUrl: `${isUsual ? base.slice(0, base.lastIndexOf(":")) : base}/${asked}`,
    app: asked,
    stream: stream === "" ? url.stream : fill(stream),
  };
}

/**
 * Returns an error without what is secret of a destination: servers quote the key that they refuse.
 */
export function withoutNames({ app, stream }: ForwardDestination, error: unknown): unknown {
  if (!(error instanceof UpstreamError) || app + stream === "") return error;
  const { phase, statusCode, message } = error;
  const isNamed = [app, stream].some((text) =>
    text !== "" && message.includes(text.slice(0, SHOWN_LENGTH))
  );
  if (statusCode !== "") {
    const code = /^Net[A-Z][A-Za-z]+\.[A-Za-z.]+$/.test(statusCode) ? statusCode : "a status";
    return new UpstreamError(phase, `The server refuses: ${code}`, { statusCode });
  }
  return isNamed ? new UpstreamError(phase, `Failed in phase ${phase}`) : error;
}

function isOwnKey(stream: string): boolean {
  return stream !== "" && !stream.includes("[stream]");
}
