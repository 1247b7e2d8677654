/** A segment cannot be made; `fix` says what the operator can do. */
export class SegmentError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "SegmentError";
    this.fix = fix;
  }
}
