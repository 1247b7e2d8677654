/** Why a server does not start. */

/** A server that cannot start for a reason the user can mend. */
export class StartError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartError";
    this.fix = fix;
  }
}
