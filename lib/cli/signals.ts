import type { Logger } from "../base/log.ts";

/** What a signal asks for. */
type SignalRole = "stop" | "drain" | "reload" | "reopen" | "ignore";

/**
 * The signals that would end the process, and their roles, which users of SRS and nginx know. The
 * rest keep their default: SIGABRT, SIGBUS, SIGTRAP and SIGSYS report a crash, and the system does
 * not let a program catch SIGKILL, SIGSTOP, SIGSEGV, SIGILL and SIGFPE.
 */
const UNIX_ROLES: readonly (readonly [Deno.Signal, SignalRole])[] = [
  ["SIGINT", "stop"],
  ["SIGTERM", "stop"],
  ["SIGQUIT", "drain"],
  ["SIGHUP", "reload"],
  ["SIGUSR1", "reopen"],
  ["SIGUSR2", "ignore"],
  ["SIGALRM", "ignore"],
  ["SIGVTALRM", "ignore"],
  ["SIGPROF", "ignore"],
  ["SIGIO", "ignore"],
  ["SIGXCPU", "ignore"],
  // Writing then fails with an error, which is reported.
  ["SIGXFSZ", "ignore"],
];

/** Signals that other systems do not have. */
const LINUX_ROLES: typeof UNIX_ROLES = [["SIGPWR", "ignore"], ["SIGSTKFLT", "ignore"]];

const WINDOWS_ROLES: typeof UNIX_ROLES = [["SIGINT", "stop"]];

/** What to do at signals. */
interface SignalHandlers {
  /** Stop. Called once, unless {@linkcode drain} is called first. */
  readonly stop: (signal: Deno.Signal) => void;
  /** Stop when the clients have left. Called once, unless {@linkcode stop} is called first. */
  readonly drain: (signal: Deno.Signal) => void;
  /** Load the configuration again. Not called while the program stops. */
  readonly reload: (signal: Deno.Signal) => void;
  /** Open the log file again under its name. */
  readonly reopenLogs: (signal: Deno.Signal) => void;
  /** End the process: the second signal to stop or drain has arrived. */
  readonly exitNow: () => void;
}

/**
 * Catches the signals that would end the process.
 *
 * ```
 *   waiting ── handle() ──▶ handling ── stop or drain ──▶ stopping ── stop or drain ──▶ exitNow()
 * ```
 *
 * Signals that arrive while it is waiting are handled afterwards, in their order.
 */
export class Signals implements Disposable {
  readonly #removers: (() => void)[] = [];
  readonly #early: (readonly [Deno.Signal, SignalRole])[] = [];
  #target: { readonly handlers: SignalHandlers; readonly logger: Logger } | null = null;
  #isStopping = false;

  private constructor() {}

  /** Starts to catch signals, so that none ends a program that is still starting. */
  static listen(): Signals {
    const signals = new Signals();
    for (const [signal, role] of rolesHere()) {
      const onSignal = () => signals.#onSignal(signal, role);
      Deno.addSignalListener(signal, onSignal);
      signals.#removers.push(() => Deno.removeSignalListener(signal, onSignal));
    }
    return signals;
  }

  /** Handles the signals that have arrived, and all later ones. */
  handle(handlers: SignalHandlers, logger: Logger): void {
    this.#target = { handlers, logger };
    for (const [signal, role] of this.#early.splice(0)) this.#onSignal(signal, role);
  }

  /** Restores the default behavior of all signals. */
  [Symbol.dispose](): void {
    for (const remove of this.#removers.splice(0)) remove();
  }

  #onSignal(signal: Deno.Signal, role: SignalRole): void {
    if (this.#target === null) return void this.#early.push([signal, role]);
    const { handlers, logger } = this.#target;
    switch (role) {
      case "stop":
      case "drain":
        return this.#onStop(signal, role);
      case "reload":
        if (!this.#isStopping) return handlers.reload(signal);
        return logger.warning(`${signal} ignored: the program is stopping`);
      case "reopen":
        return handlers.reopenLogs(signal);
      case "ignore":
        return logger.warning(`${signal} ignored: it has no meaning here`);
      default:
        role satisfies never;
    }
  }

  #onStop(signal: Deno.Signal, role: "stop" | "drain"): void {
    const { handlers, logger } = this.#target!;
    if (this.#isStopping) {
      logger.warning("Second stop signal; exiting immediately", { signal });
      return handlers.exitNow();
    }
    this.#isStopping = true;
    logger.info("Stopping; send the signal again to exit immediately", { signal });
    handlers[role](signal);
  }
}

function rolesHere(): typeof UNIX_ROLES {
  if (Deno.build.os === "windows") return WINDOWS_ROLES;
  return Deno.build.os === "linux" ? [...UNIX_ROLES, ...LINUX_ROLES] : UNIX_ROLES;
}
