/** The program's version, the same as in `deno.json`. A compiled binary has no other place to look. */
export const VERSION = "0.1.0";
