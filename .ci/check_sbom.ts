/**
 * Checks a bill of materials against the schemas of CycloneDX:
 *
 *     deno run --allow-read .ci/check_sbom.ts SCHEMAS BOM
 *
 * SCHEMAS is the folder `res/schema` of the npm package `@cyclonedx/cyclonedx-library`.
 */

import { Ajv } from "ajv";

const [schemas, path] = Deno.args;
if (schemas === undefined || path === undefined) throw new Error("usage: SCHEMAS BOM");
const read = (path: string) => JSON.parse(Deno.readTextFileSync(path));

// Formats, such as that of addresses, are left out: ajv knows none of them by itself.
const ajv = new Ajv({ strict: false, validateFormats: false });
for (const name of ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"]) {
  ajv.addSchema(read(`${schemas}/${name}`), `http://cyclonedx.org/schema/${name}`);
}
const validate = ajv.compile(read(`${schemas}/bom-1.6.SNAPSHOT.schema.json`));
if (!validate(read(path))) throw new Error(`${path}: ${ajv.errorsText(validate.errors)}`);
