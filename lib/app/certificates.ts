import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Config, TlsConfig } from "../config/config.ts";
import type { TlsIdentity } from "../io/transport.ts";
import { checkPair, readPem, TLS_BLOCKS, type TlsBlock, tlsOf } from "./certificate_check.ts";
import { StartError } from "./start_error.ts";

/** What {@linkcode Certificates} works with. */
interface CertificateOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Blocks whose certificates are loaded. */
  readonly blocks?: readonly TlsBlock[];
}

/** A certificate, and where it was read. */
interface Loaded extends TlsIdentity {
  readonly files: Pick<TlsConfig, "cert" | "key">;
}

type Identities = ReadonlyMap<TlsBlock, Loaded>;

/** How often files are compared with what was read, in ms. */
const WATCH_PERIOD_MS = 5_000;

/**
 * The certificates of a server's listeners, read from their files.
 *
 * Files are compared by content, not by date: that sees replaced symbolic links, as Kubernetes
 * makes them, and works on every file system.
 */
export class Certificates {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #blocks: readonly TlsBlock[];
  #identities: Identities = new Map();
  #cancelWatch: CancelTimer = () => {};
  #isWatching = false;
  /** What was found in the files last, if it cannot be used. */
  #refused = "";
  #isRefusalLogged = false;

  constructor({ clock, logger, blocks = TLS_BLOCKS }: CertificateOptions) {
    this.#clock = clock;
    this.#logger = logger.for("net");
    this.#blocks = blocks;
  }

  /** Returns the identity of a block that is enabled. */
  of(block: TlsBlock): TlsIdentity {
    return this.#identities.get(block)!;
  }

  /**
   * Reads the files of a configuration.
   *
   * @returns whether an identity differs from before, and how to return to those.
   * @throws {StartError} and changes nothing, when a file cannot be read.
   */
  load(config: Config): { readonly isChanged: boolean; readonly restore: () => void } {
    const before = this.#identities;
    const identities = new Map<TlsBlock, Loaded>();
    for (const block of this.#blocks) {
      const { enabled, cert, key } = tlsOf(block, config);
      if (enabled) identities.set(block, read({ cert, key }));
    }
    this.#identities = identities;
    return {
      isChanged: differs(before, identities),
      restore: () => this.#identities = before,
    };
  }

  /**
   * Watches the files that are loaded from now on.
   *
   * @param renew Called with every change: takes what {@linkcode of} returns into use.
   */
  watch(renew: () => Promise<void>): void {
    this.stop();
    if (this.#identities.size === 0) return;
    this.#isWatching = true;
    this.#schedule(renew);
  }

  stop(): void {
    this.#isWatching = false;
    this.#cancelWatch();
  }

  #schedule(renew: () => Promise<void>): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#clock.after(WATCH_PERIOD_MS, () => {
      void this.#refresh().then((isChanged) => {
        if (!this.#isWatching) return;
        this.#schedule(renew);
        if (isChanged) void this.#renew(renew);
      });
    });
  }

  async #renew(renew: () => Promise<void>): Promise<void> {
    try {
      await renew();
      if (this.#isWatching) this.#logger.info("Certificate replaced: its files have changed");
    } catch (error) {
      this.#logger.error(`Certificate not replaced: ${describeError(error)}`);
    }
  }

  /** Reads files that have changed. Never rejects. @returns whether any identity did. */
  async #refresh(): Promise<boolean> {
    const before = this.#identities;
    try {
      const next = new Map(Array.from(before, ([block, { files }]) => [block, read(files)]));
      if (!differs(before, next)) return false;
      for (const pair of next.values()) {
        const problems = await checkPair(pair, pair.files, Date.now());
        const error = problems.find(({ severity }) => severity === "error");
        if (error !== undefined) throw new StartError(error.what, error.fix);
      }
      // A reload may have come first.
      if (this.#identities !== before) return false;
      this.#identities = next;
      this.#refused = "";
      return true;
    } catch (error) {
      this.#onRefused(error);
      return false;
    }
  }

  /** Two files are rarely replaced in the same moment, so it is reported the second time. */
  #onRefused(error: unknown): void {
    const what = describeError(error);
    if (what !== this.#refused) {
      this.#refused = what;
      this.#isRefusalLogged = false;
    } else if (!this.#isRefusalLogged) {
      this.#isRefusalLogged = true;
      this.#logger.warning(`Certificate not replaced; the one before stays: ${what}`, {
        fix: error instanceof StartError ? error.fix : undefined,
      });
    }
  }
}

function read(files: Loaded["files"]): Loaded {
  try {
    return { cert: readPem(files.cert), key: readPem(files.key), files };
  } catch (error) {
    const fix = "write its path after cert or key, and let the server's user read it";
    throw new StartError(describeError(error), fix, { cause: error });
  }
}

function differs(before: Identities, after: Identities): boolean {
  return Array.from(after).some(([block, { cert, key }]) => {
    const old = before.get(block);
    return old?.cert !== cert || old.key !== key;
  });
}
