/** The files for Kubernetes, as far as they can be checked without a cluster. */

import { parseAll } from "@std/yaml";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const ROOT = new URL("../../deploy/kubernetes/", import.meta.url);
const TIERS = ["origin", "mid", "leaf"] as const;

/** A description of an object. Only what the tests read is named. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template?: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
        }[];
      };
    };
  };
}

/** Loaded where it is permitted: the schemas are checked by WebAssembly, which is a file. */
async function loadModels() {
  const operator = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
  return {
    ...await import("kubernetes-models/apps/v1/Deployment"),
    ...await import("kubernetes-models/apps/v1/StatefulSet"),
    ...await import("kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler"),
    ...await import("kubernetes-models/networking.k8s.io/v1/NetworkPolicy"),
    ...await import("kubernetes-models/policy/v1/PodDisruptionBudget"),
    ...await import("kubernetes-models/v1/Service"),
    ...await import(`${operator}/PodMonitor`),
    ...await import(`${operator}/PrometheusRule`),
  };
}

/** What a kustomization is made of. */
interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
  readonly configMapGenerator?: readonly { readonly files: readonly string[] }[];
}

function read(path: string): Manifest[] {
  return parseAll(Deno.readTextFileSync(new URL(path, ROOT))) as Manifest[];
}

/** Returns all kustomizations by their folder. */
function kustomizations(): Map<string, Kustomization> {
  const found = new Map<string, Kustomization>();
  for (const group of ["base", "components/*", "overlays/*"]) {
    const [parent, all] = group.split("/");
    const folders = all === undefined
      ? [parent!]
      : [...Deno.readDirSync(new URL(`${parent}/`, ROOT))].map(({ name }) => `${parent}/${name}`);
    for (const folder of folders) {
      const [kustomization] = read(`${folder}/kustomization.yaml`);
      found.set(`${folder}/`, kustomization as unknown as Kustomization);
    }
  }
  return found;
}

const possible = await needs("read");

Deno.test({
  ...possible,
  name: "deploy/kubernetes: every object is valid, and every file that is named exists",
  async fn() {
    const models = await loadModels();
    let count = 0;
    for (const [folder, kustomization] of kustomizations()) {
      const { resources = [], components = [], patches = [] } = kustomization;
      const files = kustomization.configMapGenerator?.flatMap(({ files }) => files) ?? [];
      const paths = [...resources, ...components, ...files, ...patches.map(({ path }) => path)];
      for (const path of paths) Deno.statSync(new URL(path, new URL(folder, ROOT)));
      for (const path of resources.filter((path) => path.endsWith(".yaml"))) {
        for (const manifest of read(folder + path)) {
          const Model = models[manifest.kind as keyof typeof models];
          // deno-lint-ignore no-explicit-any -- each model has its own type
          const model = new Model(manifest as any);
          assertEquals(model.apiVersion, manifest.apiVersion);
          model.validate();
          count++;
        }
      }
    }
    assert(count >= 11, `only ${count} objects`);
  },
});

Deno.test({
  ...possible,
  name: "deploy/kubernetes: each tier's configuration starts, fits its ports, and drains in time",
  fn() {
    for (const tier of TIERS) {
      const path = `base/${tier}.conf`;
      const environment = new Map([["SRS_HTTP_API_AUTH_PASSWORD", "a password"]]);
      const text = Deno.readTextFileSync(new URL(path, ROOT));
      const { config, warnings } = parseConfig(text, path, {
        readFile: () => undefined,
        environment,
      });
      assertEquals(warnings, []);

      const { spec } = read(`base/${tier}.yaml`).find(({ spec }) => spec.template !== undefined)!;
      const { containers: [container], terminationGracePeriodSeconds } = spec.template!.spec;
      assertEquals(container!.args, ["--config", `/etc/edge/${tier}.conf`]);
      const ports = container!.ports.map(({ containerPort }) => containerPort);
      assertEquals(ports, tier === "leaf" ? [1935, 1985, 8080] : [1935, 1985]);
      const { startWaitMs, timeoutMs, finalWaitMs } = config.drain;
      const drainMs = startWaitMs + timeoutMs + finalWaitMs;
      assert(terminationGracePeriodSeconds * 1_000 > drainMs, `${tier}: killed while it drains`);
    }
  },
});
