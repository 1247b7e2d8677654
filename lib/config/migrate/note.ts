import type { Position } from "../directive.ts";

/** What a user should know about a directive that was migrated. */
export interface Note extends Position {
  /** `different`: it behaves in another way here. `ignored`: it was left out. */
  readonly kind: "different" | "ignored";
  readonly what: string;
}
