import { UsageError } from "../base/errors.ts";
import { silentLogger } from "../base/log.ts";
import { systemClock } from "../base/clock.ts";
import { type Config, DEFAULT_VHOST, type VhostConfig } from "../config/config.ts";
import { readSecrets } from "../app/secret_files.ts";
import { parseStreamUrl, type StreamUrl } from "../rtmp/url.ts";
import { cutParams } from "../rtmp/url_params.ts";
import { checkAccess } from "../server/access_rules.ts";
import { Credentials } from "../server/credentials.ts";
import { SecretStore } from "../server/secrets.ts";
import { signUrl } from "../server/signature.ts";
import { objectionToName, streamNameOf } from "../server/stream_name.ts";
import type { AccessQuestion } from "./args.ts";

/** A client's answer, in lines for the terminal. */
interface AccessReport {
  readonly isAdmitted: boolean;
  readonly lines: readonly string[];
}

/** Returns the URL with a signature by the secret that the configuration has for its vhost. */
export function signedUrl(
  { url, action, from, seconds }: AccessQuestion & { readonly seconds: number },
  config: Config,
  nowMs: number,
): string {
  const asked = parseUrl(url);
  const vhost = findVhost(config, asked);
  const name = vhost?.name ?? asked.vhost;
  const [secret] = readSecrets(config, config.workDir || ".").get(name)?.[action].signing ?? [];
  if (secret === undefined) {
    throw new UsageError(
      `Vhost ${name} has no secret to sign with`,
      `write ${action} { sign_secret_file FILE; } in it, see docs/access.md`,
    );
  }
  const expires = Math.floor(nowMs / 1000) + seconds;
  const { app, stream } = asked;
  return signUrl(url, secret, { action, vhost: name, app, stream }, { expires, ip: from ?? "" });
}

/**
 * Says whether a client would be let in, and why, by the configuration alone: no server is asked,
 * and limits count no one. No line contains a key, signature or token.
 */
export async function reportAccess(
  { url, action, from = "127.0.0.1" }: AccessQuestion,
  config: Config,
  nowMs: number,
): Promise<AccessReport> {
  const lines = [`${action} from ${from}`];
  const refused = (step: string, why: string): AccessReport => {
    return { isAdmitted: false, lines: [...lines, `${step}: ${why}`, "refused"] };
  };
  const named = parseUrl(url);
  const vhost = findVhost(config, named);
  if (vhost === null) {
    return refused("vhost", `there is no ${named.vhost}, and no ${DEFAULT_VHOST}`);
  }
  lines.push(`vhost: ${vhost.name}`);
  const asked = { ...named, vhost: vhost.name };
  const objection = objectionToName(vhost, named);
  if (objection !== null) return refused("name", objection);
  const rule = checkAccess(vhost, action, { ip: from, pageUrl: "" });
  if (rule !== null) return refused("rules", rule.description);
  lines.push("rules: passed (enabled, refer without a page, security)");
  const secrets = new SecretStore();
  secrets.replace(readSecrets(config, config.workDir || "."));
  const deps = { secrets, clock: systemClock, logger: silentLogger, wallMs: () => nowMs };
  const own = await new Credentials(deps).check(vhost, {
    ...{ action, url: asked, ip: from },
    askedVhost: named.vhost,
  });
  if ("code" in own) return refused("credentials", own.description);
  lines.push(`credentials: ${describeCredentials(vhost, action, secrets)}`);
  lines.push(`stream: ${streamNameOf(own.url, vhost)}`);
  lines.push(...describeQuestions(vhost, action));
  return { isAdmitted: true, lines: [...lines, "admitted"] };
}

function describeCredentials(
  { name, play, publish }: VhostConfig,
  action: AccessQuestion["action"],
  secrets: SecretStore,
): string {
  const { keys, [action]: { signing, tokens } } = secrets.of(name);
  const accepted = [
    action === "publish" && keys !== null ? "stream key" : "",
    signing.length > 0 ? "signature" : "",
    tokens !== null ? "token" : "",
    (action === "play" ? play : publish).access.trusted.length > 0 ? "trusted address" : "",
  ].filter((text) => text !== "");
  const isOpen = accepted.filter((text) => text !== "trusted address").length === 0;
  return isOpen ? "none are needed" : `passed (one of: ${accepted.join(", ")})`;
}

/** What others would still be asked. */
function describeQuestions(vhost: VhostConfig, action: AccessQuestion["action"]): string[] {
  const { httpHooks: { enabled, urls }, mode, cluster } = vhost;
  const names = ["on_connect", action === "play" ? "on_play" : "on_publish"] as const;
  const asked = enabled ? names.filter((name) => urls[name].length > 0) : [];
  return [
    ...asked.map((name) => `not asked: callback ${name}`),
    ...(mode === "remote" && cluster.tokenTraverse
      ? ["not asked: the origins (token_traverse)"]
      : []),
  ];
}

function findVhost({ vhosts }: Config, url: StreamUrl): VhostConfig | null {
  return vhosts.get(url.vhost) ?? vhosts.get(DEFAULT_VHOST) ?? null;
}

/**
 * Reads the URL of a stream over RTMP, of FLV, of an HLS playlist, or of the page that plays it,
 * which may be below a path of a proxy.
 *
 * @throws {UsageError}
 */
function parseUrl(text: string): StreamUrl {
  const { path: whole, query, fragment } = cutParams(text);
  const isHttp = /^(?:https?|wss?):/i.test(whole);
  const page = isHttp ? /^([^/]+\/\/[^/]+)\/(?:.*?\/)?play(\/[^/]+\/.*)$/.exec(whole) : null;
  const isPage = page !== null && !/\.(?:flv|m3u8)$/.test(whole);
  const named = isPage ? `${page[1]}${page[2]}` : whole;
  const path = isHttp ? decodePath(named) : named;
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  const stream = (isHttp ? name.replace(/\.(?:flv|m3u8)$/, "") : name) + query + fragment;
  if (!/^[a-z]+:\/\/[^/]+\/[^/]+\/./i.test(path)) {
    throw new UsageError(
      "The URL names no stream",
      "write it in full: rtmp://HOST/APP/STREAM, or http://HOST/APP/STREAM.flv",
    );
  }
  return parseStreamUrl({ tcUrl: path.slice(0, slash), app: "", stream });
}

/** Over HTTP, names are percent-encoded. @throws {UsageError} */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new UsageError("The URL is damaged", "write % in a name as %25");
  }
}
