/** Who may play and publish: the vhost's `enabled`, `refer` and `security` (SRS's rules). */

import type { ReferConfig, SecurityConfig, VhostConfig } from "../config/config.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import { matchesAddress } from "./address_match.ts";

/** What is known of a client. */
export interface Client {
  /** IP address without port. */
  readonly ip: string;
  /** Page that embeds the player, as its `connect` said; empty when it said none. */
  readonly pageUrl: string;
}

/** What a client wants to do. */
export type Deed = "play" | "publish";

/** Checks a client against the vhost's rules. @returns null when it is welcome. */
export function admit(vhost: VhostConfig, deed: Deed, client: Client): Refusal | null {
  if (!vhost.enabled) return refuse(deed, `Vhost ${vhost.name} is switched off`);
  if (!isReferAllowed(vhost.refer, deed, client.pageUrl)) {
    return refuse(deed, "This page may not use the stream");
  }
  if (!isAddressAllowed(vhost.security, deed, client.ip)) {
    return refuse(deed, `Address ${client.ip} may not ${deed} here`);
  }
  return null;
}

/** What a client asks for and may be refused. */
export type Wanted = "connect" | Deed;

const REFUSED = {
  connect: StatusCode.CONNECT_REJECTED,
  play: StatusCode.PLAY_FAILED,
  publish: StatusCode.PUBLISH_DENIED,
} as const;

/** A refusal with the status code that clients understand who asked for `wanted`. */
export function refuse(wanted: Wanted, description: string): Refusal {
  return { code: REFUSED[wanted], description };
}

function isReferAllowed(refer: ReferConfig, deed: Deed, pageUrl: string): boolean {
  if (!refer.enabled) return true;
  return isPageOf(refer.all, pageUrl) && isPageOf(refer[deed], pageUrl);
}

function isPageOf(hosts: readonly string[], pageUrl: string): boolean {
  if (hosts.length === 0) return true;
  const host = URL.parse(pageUrl)?.hostname ?? "";
  return hosts.some((allowed) => host.endsWith(allowed.toLowerCase()));
}

function isAddressAllowed(security: SecurityConfig, deed: Deed, ip: string): boolean {
  if (!security.enabled) return true;
  const isMatch = (action: "allow" | "deny") =>
    security.rules.some((rule) =>
      rule.action === action && rule.scope === deed && matchesAddress(rule.from, ip)
    );
  if (isMatch("deny")) return false;
  const hasDenials = security.rules.some((rule) => rule.action === "deny");
  const hasAllowances = security.rules.some((rule) => rule.action === "allow");
  // As in SRS: a list of denials alone lets all others in, anything else is a list of the welcome.
  return isMatch("allow") || (hasDenials && !hasAllowances);
}
