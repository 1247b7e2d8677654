/**
 * Writes which packages the program contains, as a CycloneDX bill of materials: `deno task sbom`.
 * Names, versions and hashes are those of `deno.lock`.
 */

import { PROJECT_ROOT, readDenoJson } from "./deno_json.ts";

const OUTPUT = `${PROJECT_ROOT}dist/edge.cdx.json`;

/** The part of `deno.lock` that is used. Keys of `npm` are `NAME@VERSION`. */
interface Lock {
  readonly npm: Readonly<
    Record<string, { readonly integrity: string; readonly dependencies?: readonly string[] }>
  >;
}

const { version, license } = await readDenoJson();
const lock: Lock = JSON.parse(await Deno.readTextFile(`${PROJECT_ROOT}deno.lock`));
const program = `pkg:npm/edge-rtmp@${version}`;
const direct = await findImported();
const all = [...withDependencies(direct)].sort();

await Deno.mkdir(`${PROJECT_ROOT}dist`, { recursive: true });
await Deno.writeTextFile(OUTPUT, `${JSON.stringify(billOfMaterials(), null, 2)}\n`);

function billOfMaterials(): unknown {
  const runtime = `pkg:generic/deno@${Deno.version.deno}`;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": program,
        name: "edge-rtmp",
        version,
        purl: program,
        licenses: [{ license: { id: license } }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": runtime,
        name: "deno",
        version: Deno.version.deno,
        purl: runtime,
        licenses: [{ license: { id: "MIT" } }],
      },
      ...all.map(component),
    ],
    dependencies: [
      { ref: program, dependsOn: [runtime, ...[...direct].sort().map(purlOf)] },
      ...all.map((key) => ({ ref: purlOf(key), dependsOn: dependenciesOf(key).map(purlOf) })),
    ],
  };
}

function component(key: string): unknown {
  const [algorithm, hash] = lock.npm[key]!.integrity.split("-");
  if (algorithm !== "sha512") throw new Error(`deno.lock: ${key} has no sha512 hash`);
  const [name, version] = splitKey(key);
  return {
    type: "library",
    "bom-ref": purlOf(key),
    name,
    version,
    purl: purlOf(key),
    hashes: [{ alg: "SHA-512", content: toHex(atob(hash!)) }],
  };
}

/** Returns the packages that the program and its worker import, as keys of the lock file. */
async function findImported(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const entry of ["main.ts", "lib/app/worker_main.ts"]) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", entry],
      cwd: PROJECT_ROOT,
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`deno info ${entry} failed`);
    const { modules } = JSON.parse(new TextDecoder().decode(stdout));
    for (const { specifier } of modules as readonly { specifier: string }[]) {
      const key = /^npm:\/?((?:@[^/]+\/)?[^/@]+@[^/]+)/.exec(specifier)?.[1];
      if (key !== undefined) found.add(key);
    }
  }
  return found;
}

function withDependencies(keys: Iterable<string>): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...keys];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    open.push(...dependenciesOf(key));
  }
  return found;
}

/** Types are dropped: they are not in the program. */
function dependenciesOf(key: string): string[] {
  const entry = lock.npm[key];
  if (entry === undefined) throw new Error(`${key} is not in deno.lock`);
  return (entry.dependencies ?? []).filter((name) => !name.startsWith("@types/")).map(keyOf);
}

/** A dependency is written without a version where the lock file has only one. */
function keyOf(dependency: string): string {
  if (lock.npm[dependency] !== undefined) return dependency;
  const key = Object.keys(lock.npm).find((key) => splitKey(key)[0] === dependency);
  if (key === undefined) throw new Error(`${dependency} is not in deno.lock`);
  return key;
}

function splitKey(key: string): [name: string, version: string] {
  const at = key.lastIndexOf("@");
  return [key.slice(0, at), key.slice(at + 1)];
}

function purlOf(key: string): string {
  const [name, version] = splitKey(key);
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function toHex(binary: string): string {
  return Array.from(binary, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
