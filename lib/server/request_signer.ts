import { parseStreamUrl, type UpstreamTarget } from "../rtmp/url.ts";
import type { UpstreamSigner } from "../upstream/upstream_context.ts";
import type { StreamAction } from "./access_rules.ts";
import type { SecretStore } from "./secrets.ts";
import { signUrl } from "./signature.ts";

/** How long an origin may take to check the signature, and how far its clock may differ. */
const VALID_SECONDS = 3_600;

/** What a {@linkcode RequestSigner} works with. */
interface RequestSignerDeps {
  readonly secrets: SecretStore;
  /** Wall clock, ms since 1970. */
  readonly wallMs: () => number;
}

/**
 * Signs what an edge asks of its origins with the secrets by which it checks its own clients. So
 * one secret on all servers protects every level, and a request that is repeated hours later, after
 * an origin was lost, is as good as the first.
 */
export class RequestSigner implements UpstreamSigner {
  readonly #secrets: SecretStore;
  readonly #wallMs: () => number;

  constructor({ secrets, wallMs }: RequestSignerDeps) {
    this.#secrets = secrets;
    this.#wallMs = wallMs;
  }

  sign(vhost: string, action: StreamAction, target: UpstreamTarget): UpstreamTarget {
    const [secret] = this.#secrets.of(vhost)[action].signing;
    if (secret === undefined) return target;
    const asked = parseStreamUrl(target);
    const expires = Math.floor(this.#wallMs() / 1000) + VALID_SECONDS;
    const stream = { action, vhost: asked.vhost, app: asked.app, stream: asked.stream };
    return { ...target, stream: signUrl(target.stream, secret, stream, { expires, ip: "" }) };
  }
}
