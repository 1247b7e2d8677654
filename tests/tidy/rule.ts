/** A place where a file breaks a rule. */
export interface Finding {
  /** 1-based. */
  readonly line: number;
  /** What is wrong, and how to fix it. */
  readonly message: string;
}
