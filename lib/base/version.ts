/** The version, the same as in `deno.json`, which a compiled executable does not contain. */
export const VERSION = "0.1.0";
