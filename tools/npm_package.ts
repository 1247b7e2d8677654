/**
 * Makes the folder that `npm pack` turns into the npm package, from the bundle: `deno task npm`.
 * The package runs the bundle on the `deno` package of exactly the version that makes it.
 */

import { PROJECT_ROOT, readDenoJson, startFlags } from "./deno_json.ts";

const OUTPUT = `${PROJECT_ROOT}dist/npm/`;

/** Files of the package, and where they are in the repository. */
const FILES: Readonly<Record<string, string>> = {
  "edge.cjs": "deploy/npm/edge.cjs",
  "README.md": "deploy/npm/README.md",
  "LICENSE": "LICENSE",
  "main.js": "dist/js/main.js",
  "lib/app/worker_main.js": "dist/js/lib/app/worker_main.js",
  "lib/app/shared_texts.js": "dist/js/lib/app/shared_texts.js",
  "conf/origin.conf": "conf/origin.conf",
  "conf/edge.conf": "conf/edge.conf",
  "conf/full.conf": "conf/full.conf",
  "conf/full.toml": "conf/full.toml",
  "conf/edge.schema.json": "conf/edge.schema.json",
  "man/edge.1": "docs/man/edge.1",
  "man/edge.conf.5": "docs/man/edge.conf.5",
};

const denoJson = await readDenoJson();
await Deno.remove(OUTPUT, { recursive: true }).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
for (const [target, source] of Object.entries(FILES)) {
  const path = `${OUTPUT}${target}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.copyFile(`${PROJECT_ROOT}${source}`, path);
}
await Deno.chmod(`${OUTPUT}edge.cjs`, 0o755);
await Deno.writeTextFile(`${OUTPUT}package.json`, `${JSON.stringify(manifest(), null, 2)}\n`);

function manifest(): unknown {
  return {
    name: "edge-rtmp",
    version: denoJson.version,
    description:
      "An RTMP origin and edge server: players and publishers stay when an origin is lost",
    keywords: ["rtmp", "streaming", "relay", "edge", "origin", "hls", "http-flv"],
    license: denoJson.license,
    type: "module",
    bin: { edge: "edge.cjs" },
    man: ["man/edge.1", "man/edge.conf.5"],
    files: Object.keys(FILES).map((path) => path.split("/")[0]!),
    engines: { node: ">=18" },
    dependencies: { deno: Deno.version.deno },
    denoFlags: ["--no-config", "--no-lock", "--unstable-net", ...startFlags(denoJson)],
  };
}
