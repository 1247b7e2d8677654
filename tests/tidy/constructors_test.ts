import { assertEquals } from "../helpers/assert.ts";
import { findActingConstructors } from "./constructors.ts";
import { readSource } from "./source_text.ts";

const CASES = [
  { body: "this.#clock = clock;", found: 0 },
  { body: "this.#onTimer = () => this.#close();", found: 0 },
  { body: "}\n  start() {\n    this.#clock.after(5, f);", found: 0 },
  { body: "this.#cancel = clock.after(5, f);", found: 1 },
  { body: "this.#dialling = network.connect(address);", found: 1 },
  { body: "setInterval(() => this.#check(), 1000);", found: 1 },
  { body: "this.#worker = new Worker(url);", found: 1 },
] as const;

for (const { body, found } of CASES) {
  Deno.test(`findActingConstructors() finds ${found} in ${JSON.stringify(body)}`, () => {
    const source = `class A {\n  constructor(options: { a: string }) {\n    ${body}\n  }\n}\n`;
    assertEquals(findActingConstructors("lib/a.ts", readSource(source)).length, found);
  });
}
