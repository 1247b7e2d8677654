import type { ReferConfig, SecurityConfig, VhostConfig } from "../config/config.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import { matchesAddress } from "../config/address_match.ts";

/** What a client may ask for that concerns one stream. */
export type StreamAction = "play" | "publish";

/** What a client may ask for. */
export type Action = "connect" | StreamAction;

/** What the rules know of a client. */
export interface AccessClient {
  /** IP address without port. */
  readonly ip: string;
  /** Page that embeds the player, as the client says; empty when it says none. */
  readonly pageUrl: string;
}

const REFUSED = {
  connect: StatusCode.CONNECT_REJECTED,
  play: StatusCode.PLAY_FAILED,
  publish: StatusCode.PUBLISH_DENIED,
} as const;

/** A refusal with the status code that clients expect for `action`. */
export function refuse(action: Action, description: string): Refusal {
  return { code: REFUSED[action], description };
}

/**
 * Checks a client against the vhost's own rules, which are SRS's: `enabled`, then `refer`, then
 * `security`. Pure.
 *
 * @returns null when the client may proceed
 */
export function checkAccess(
  vhost: VhostConfig,
  action: StreamAction,
  client: AccessClient,
): Refusal | null {
  if (!vhost.enabled) return refuse(action, `Vhost ${vhost.name} is disabled`);
  if (!isReferAllowed(vhost.refer, action, client.pageUrl)) {
    return refuse(action, `This page may not ${action} here`);
  }
  if (!isAddressAllowed(vhost.security, action, client.ip)) {
    return refuse(action, `Address ${client.ip} may not ${action} here`);
  }
  return null;
}

function isReferAllowed(refer: ReferConfig, action: StreamAction, pageUrl: string): boolean {
  if (!refer.enabled) return true;
  return isPageOf(refer.all, pageUrl) && isPageOf(refer[action], pageUrl);
}

function isPageOf(hosts: readonly string[], pageUrl: string): boolean {
  if (hosts.length === 0) return true;
  const host = (URL.parse(pageUrl)?.hostname ?? "").replace(/\.$/, "");
  return hosts.some((domain) => isWithin(host, domain.toLowerCase().replace(/^\./, "")));
}

/**
 * Whether `host` is `domain` or below it.
 *
 * DEVIATION: whole labels are compared | because SRS compares mere ends, so that a page of
 * `notexample.com` passes for `example.com` | test "another name that ends with the name"
 */
function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

function isAddressAllowed(security: SecurityConfig, action: StreamAction, ip: string): boolean {
  if (!security.enabled) return true;
  const isMatch = (effect: "allow" | "deny") =>
    security.rules.some((rule) =>
      rule.action === effect && rule.scope === action && matchesAddress(rule.from, ip)
    );
  if (isMatch("deny")) return false;
  const hasDenials = security.rules.some((rule) => rule.action === "deny");
  const hasAllowances = security.rules.some((rule) => rule.action === "allow");
  // As in SRS: with denials only, everyone else may enter; otherwise only those allowed may.
  return isMatch("allow") || (hasDenials && !hasAllowances);
}
