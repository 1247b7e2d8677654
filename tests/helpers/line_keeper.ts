import type { LogFields, Logger } from "../../lib/base/log.ts";

/** Keeps warnings with their fixes, errors, and the information that is asked for. */
export class LineKeeper implements Logger {
  readonly lines: string[] = [];
  readonly #keepsInfo: (message: string) => boolean;

  /** @param keepsInfo whether a line of level info is kept; none unless given */
  constructor(keepsInfo: (message: string) => boolean = () => false) {
    this.#keepsInfo = keepsInfo;
  }

  debug(): void {}
  info(message: string): void {
    if (this.#keepsInfo(message)) this.lines.push(message);
  }
  warning(message: string, fields?: LogFields): void {
    this.lines.push(`${message}: ${fields?.fix}`);
  }
  error(message: string): void {
    this.lines.push(message);
  }
  for(): Logger {
    return this;
  }
}
