/** A server cannot start, for a reason that its operator can fix. */
export class StartError extends Error {
  /** What to do about it, in one sentence. */
  readonly fix: string;

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartError";
    this.fix = fix;
  }
}
