/** Writes everything that is generated from the program: `deno task docs`. */

import { generatedFiles } from "./generated_files.ts";

const root = new URL("../", import.meta.url);

for (const [path, text] of Object.entries(generatedFiles())) {
  const url = new URL(path, root);
  Deno.mkdirSync(new URL(".", url), { recursive: true });
  Deno.writeTextFileSync(url, text);
}
