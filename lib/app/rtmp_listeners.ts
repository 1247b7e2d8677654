import type { Config, ListenAddress, TlsConfig } from "../config/config.ts";
import type { NetAddress } from "../io/transport.ts";
import type { Server } from "../server/server.ts";
import type { Certificates } from "./certificates.ts";
import { ListenerSet } from "./listener_set.ts";

/** The listeners for RTMP, with and without TLS. */
export class RtmpListeners {
  readonly #plain: ListenerSet;
  readonly #secure: ListenerSet;

  constructor(server: Server, certificates: Certificates) {
    this.#plain = new ListenerSet(server);
    this.#secure = new ListenerSet(new SecureServer(server, certificates));
  }

  /** Real addresses of those without TLS, in the order of the configuration. */
  plainAddresses({ listen }: Config): NetAddress[] {
    return this.#plain.realAddresses(listen);
  }

  /** Real addresses of those with TLS. */
  secureAddresses({ rtmps }: Config): NetAddress[] {
    return this.#secure.realAddresses(addressesOf(rtmps));
  }

  /** Listens. @throws when an address cannot be listened on. */
  open({ listen, rtmps }: Config): void {
    this.#plain.open(listen);
    this.#secure.open(addressesOf(rtmps));
  }

  /** Listens on new addresses; see {@linkcode ListenerSet.change}. */
  async change({ listen, rtmps }: Config): Promise<void> {
    await this.#plain.change(listen);
    await this.#secure.change(addressesOf(rtmps));
  }

  /** Returns to `config` after {@linkcode change} has failed. */
  async restore({ listen, rtmps }: Config): Promise<void> {
    await this.#plain.restore(listen);
    await this.#secure.restore(addressesOf(rtmps));
  }

  /** Closes the listeners that `config` does not contain. Their clients stay. */
  async closeOthers({ listen, rtmps }: Config): Promise<void> {
    await Promise.all([
      this.#plain.closeOthers(listen),
      this.#secure.closeOthers(addressesOf(rtmps)),
    ]);
  }

  /** Accepts what waits in all listeners, then closes them. {@linkcode open} opens them again. */
  async finish({ listen, rtmps }: Config): Promise<void> {
    await Promise.all([this.#plain.finish(listen), this.#secure.finish(addressesOf(rtmps))]);
  }

  /** Takes another certificate into use. Clients stay. @throws when it cannot be used. */
  renewCertificates(): Promise<void> {
    return this.#secure.renew();
  }
}

/** Listens with the certificate in force. */
class SecureServer {
  readonly #server: Server;
  readonly #certificates: Certificates;

  constructor(server: Server, certificates: Certificates) {
    this.#server = server;
    this.#certificates = certificates;
  }

  listen(address: NetAddress): NetAddress {
    return this.#server.listen(address, this.#certificates.of("rtmps"));
  }

  unlisten(address: NetAddress): Promise<void> {
    return this.#server.unlisten(address);
  }

  finishListening(addresses: readonly NetAddress[]): Promise<void> {
    return this.#server.finishListening(addresses);
  }

  renew(_configured: ListenAddress, real: NetAddress): Promise<void> {
    return this.#server.replace(real, this.#certificates.of("rtmps"));
  }
}

function addressesOf({ enabled, listen }: TlsConfig): readonly ListenAddress[] {
  return enabled ? listen : [];
}
