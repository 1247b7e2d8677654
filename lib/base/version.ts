/** The version, the same as in `deno.json`, which a compiled executable does not contain. */
export const VERSION = "0.1.0";

/** Filled in by `tools/bundle.ts`. */
const COMMIT: string = "$COMMIT$";

/** What runs: "commit 0123456789ab", with a "+" if the sources were changed, or "from source". */
export const BUILD: string = COMMIT.startsWith("$") ? "from source" : COMMIT;
