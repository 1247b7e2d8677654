import { quotePeerText } from "../base/text.ts";
import type { Refusal } from "../rtmp/status.ts";
import { checkAccess, type StreamAction } from "./access_rules.ts";
import {
  type Admission,
  type GateClient,
  type GateRequest,
  type Refused,
  refusedFor,
  type Verdict,
  withVhost,
} from "./admission.ts";
import { ClientAccess, type GateOptions } from "./client_access.ts";
import { objectionToName, streamNameOf } from "./stream_name.ts";
import type { RefusalCause } from "./refusal_counts.ts";

/**
 * Decides who may connect, play and publish, for clients of all protocols. In this order:
 *
 * 1. limits: connections are counted when they are accepted, see `client_limits.ts`, and those of
 *    one address at connect, see `admission_limits.ts`;
 * 2. edges that lead back to this one, at connect;
 * 3. the vhost and the stream's name;
 * 4. the vhost's `enabled`, `refer` and `security`, see `access_rules.ts`;
 * 5. stream keys, signed URLs and tokens, see `credentials.ts`: from here on the stream has its
 *    name;
 * 6. limits of the vhost and of the client's address, see `admission_limits.ts`;
 * 7. whether the name of a publish is free, or its publisher dead, see `takeover.ts`; from here on
 *    it is reserved, see `name_reservations.ts`;
 * 8. HTTP callbacks, see `client_hooks.ts`;
 * 9. what the vhost itself checks: an edge with `token_traverse` asks an origin.
 *
 * A process that replaces this one may play everything, see `handover.ts`.
 *
 * {@linkcode check} applies 3 to 5, at once. {@linkcode accessFor} is for clients that stay
 * connected: all steps apply to them.
 */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Applies the steps that need no other server's answer, 3 to 5. Nothing more is asked about an
   * HTTP `HEAD`. They apply to every request for an HLS playlist; the other steps once per viewer,
   * see `http/hls_sessions.ts`.
   *
   * @returns at once, unless the client sent a token. Never rejects.
   */
  check(client: GateRequest): Verdict | Promise<Verdict> {
    const { action, url, ip, bearer = "" } = client;
    const verdict = this.checkRules(client);
    if (verdict.type === "refused" || verdict.isHandover) return verdict;
    const { service, request: { url: asked, name: askedName } } = verdict;
    const answer = this.#options.credentials.check(service.config, {
      ...{ action, url: asked, ip, bearer },
      askedVhost: url.vhost,
    });
    const judge = (own: Awaited<typeof answer>): Verdict => {
      if ("code" in own) return this.#refuse(action, own, "credentials");
      const { url: granted, ...rest } = own;
      const name = streamNameOf(granted, service.config);
      const request = { url: granted, name, edgePath: [], backlogMs: 0 };
      const admission: Admission = { type: "admitted", service, request, ...rest };
      return action === "play" && name !== askedName ? { ...admission, askedName } : admission;
    };
    return answer instanceof Promise ? answer.then(judge) : judge(answer);
  }

  /**
   * Applies steps 3 and 4. All that HLS segments need besides, see `hls_signatures.ts`.
   *
   * @returns an admission whose request may still contain credentials
   */
  checkRules({ action, url, ip, pageUrl }: GateRequest): Verdict {
    const refused = (description: string) => this.#refuse(action, description, "name");
    const service = this.#options.vhosts.find(url.vhost);
    if (service === null) return refused(`There is no vhost ${quotePeerText(url.vhost)} here`);
    const objection = objectionToName(service.config, url);
    if (objection !== null) return refused(objection);
    const asked = withVhost(url, service);
    const name = streamNameOf(asked, service.config);
    const request = { url: asked, name, edgePath: [], backlogMs: 0 };
    if (action === "play" && this.#options.handover?.isTrusted(url.params)) {
      return { type: "admitted", service, request, isHandover: true };
    }
    if (this.#options.bans?.has(ip)) {
      return this.#refuse(action, `Address ${ip} may not ${action} here for now`, "rules");
    }
    const refusal = checkAccess(service.config, action, { ip, pageUrl });
    if (refusal !== null) return this.#refuse(action, refusal, "rules");
    return { type: "admitted", service, request };
  }

  /** Makes the access of one client; close it when the client disconnects. */
  accessFor(client: GateClient): ClientAccess {
    return new ClientAccess(client, this, this.#options);
  }

  /** Counts a client that was refused after it was admitted, or before it could ask. */
  countRefusal(cause: RefusalCause): void {
    this.#options.refusals[cause]++;
  }

  #refuse(action: StreamAction, objection: string | Refusal, cause: RefusalCause): Refused {
    this.countRefusal(cause);
    return refusedFor(action, objection, cause);
  }
}
