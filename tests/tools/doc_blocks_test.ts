/** Every block of commands in the documentation is run by a test, or says that none runs it. */

import { ConfigError } from "../../lib/base/errors.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { readBlocks } from "../helpers/doc_page.ts";
import { needs } from "../helpers/permissions.ts";

const ROOT = new URL("../../", import.meta.url);

/** A block of another language than these is an example of output, or data. */
const COMMANDS = ["sh", "conf", "ini", "nginx", "toml", "squid", "vcl"];

/** What runs the marked blocks of a page; `tests/interop/docs_test.ts` runs those of all others. */
const RUNNERS: Readonly<Record<string, string>> = {
  "README.md": ".ci/readme.sh",
  "docs/install.md": ".ci/readme.sh",
  "docs/operations.md": "tests/interop/operations_docs_test.ts",
};

/** Blocks that tests find by their first line. */
const FOUND_BY_NAME = "docs/hls-edge.md";

const granted = await needs("read");

function pages(): string[] {
  const docs = [...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => `docs/${name}`);
  return ["README.md", "deploy/npm/README.md", ...docs.filter((path) => path.endsWith(".md"))];
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

Deno.test({
  ...granted,
  name: "every block of commands in the documentation says what runs it",
  fn() {
    const missed: string[] = [];
    for (const page of pages()) {
      const runner = read(RUNNERS[page] ?? "tests/interop/docs_test.ts");
      for (const { language, mark, text } of readBlocks(page)) {
        if (!COMMANDS.includes(language)) continue;
        const isKnown = ["check=edge", "run=never", "run=test"].includes(mark) ||
          (page === FOUND_BY_NAME && mark !== "");
        if (!isKnown && !runner.includes(`"${mark}"`)) missed.push(`${page}: ${mark || text}`);
      }
    }
    assertEquals(missed, []);
  },
});

Deno.test({
  ...granted,
  name: "configurations in the documentation have no mistakes",
  fn() {
    let count = 0;
    for (const page of pages()) {
      for (
        const { language, text } of readBlocks(page).filter(({ mark }) => mark === "check=edge")
      ) {
        count++;
        const file = language === "toml" ? "edge.toml" : "edge.conf";
        const listen = language === "toml" ? "listen = 1935" : "listen 1935;";
        const whole = /^\s*listen\b/m.test(text) ? text : `${listen}\n${text}`;
        try {
          parseConfig(whole, file, { readFile: () => undefined });
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          assertEquals(error.message, "", `${page}:\n${text}`);
        }
      }
    }
    assert(count >= 10, `${count} configurations`);
  },
});

Deno.test({
  ...granted,
  name: "tests that the documentation names to run exist",
  fn() {
    for (const page of pages()) {
      for (const { text } of readBlocks(page).filter(({ mark }) => mark === "run=test")) {
        for (const line of text.trimEnd().split("\n")) {
          const files = line.match(/tests\/\S+/g) ?? [];
          assert(line.startsWith("npx -y deno@2.9.6 test ") && files.length > 0, line);
          for (const file of files) Deno.statSync(new URL(file, ROOT));
        }
      }
    }
  },
});
