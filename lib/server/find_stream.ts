/** From an address to a stream that a client may have: the checks that need nobody's answer. */

import { quotePeerText } from "../base/text.ts";
import { admit, type Client, type Deed, refuse } from "./admission.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { VhostDirectory } from "./vhost_directory.ts";
import type { VhostService } from "./vhost_service.ts";

/** Names stand in every line about their stream; parameters do not count. */
const MAX_NAME_LENGTH = 1024;

/** What a client wants. */
export interface StreamWish {
  readonly deed: Deed;
  /** As the client wrote it. */
  readonly url: StreamUrl;
  readonly client: Client;
}

/** Where it goes, or why it does not. */
export type FoundStream =
  | {
    readonly type: "found";
    readonly service: VhostService;
    /** `vhost` is the configured vhost's name. */
    readonly url: StreamUrl;
    /** `app/stream`. */
    readonly name: string;
  }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** See the file comment. */
export function findStream(vhosts: VhostDirectory, wish: StreamWish): FoundStream {
  const { deed, url, client } = wish;
  const refused = (description: string): FoundStream => ({
    type: "refused",
    refusal: refuse(deed, description),
  });
  const service = vhosts.find(url.vhost);
  if (service === null) return refused(`There is no vhost ${quotePeerText(url.vhost)} here`);
  if (url.stream === "") return refused("The stream name is empty");
  const name = `${url.app}/${url.stream}`;
  if (name.length > MAX_NAME_LENGTH) {
    return refused(`The stream name has ${name.length} characters: too many`);
  }
  const refusal = admit(service.config, deed, client);
  if (refusal !== null) return { type: "refused", refusal };
  return { type: "found", service, url: { ...url, vhost: service.config.name }, name };
}
