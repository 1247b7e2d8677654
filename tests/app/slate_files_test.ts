import { readSlates } from "../../lib/app/slate_files.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { flvOf } from "../helpers/tiny_slate.ts";

const granted = await needs("read", "write");

function configOf(path: string) {
  const text = `listen 1935; vhost v { play { fallback ${path}; } } vhost w { }`;
  return parseConfig(text, "test.conf", { readFile: () => undefined }).config;
}

Deno.test({
  ...granted,
  name: "readSlates() reads the file of each vhost, relative to the working directory",
  async fn() {
    const folder = await Deno.makeTempDir();
    const bytes = flvOf(videoHeader(), keyframe(0), interFrame(1_000));
    await Deno.writeFile(`${folder}/slate.flv`, bytes);
    const slates = readSlates(configOf("slate.flv"), folder);
    assertEquals([...slates.keys()], ["slate.flv"]);
    assertEquals(slates.get("slate.flv")!.frames.length, 2);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  ...granted,
  name: "readSlates() says what is wrong with a file",
  async fn() {
    const folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/inter.flv`, flvOf(videoHeader(), interFrame(0)));
    const large = await Deno.create(`${folder}/large.flv`);
    await large.truncate(32 * 1024 * 1024 + 1);
    large.close();
    const problemOf = (path: string) =>
      assertThrows(() => readSlates(configOf(path), folder), ConfigError).problems[0]!;
    const start = "The file of play.fallback cannot be used: ";
    assertEquals(problemOf("inter.flv").what, `${start}it has no keyframe`);
    assertEquals(problemOf("inter.flv").file, "inter.flv");
    assertEquals(
      problemOf("large.flv").what,
      `${start}it has 33554433 bytes, more than 33554432`,
    );
    assertEquals(problemOf("missing.flv").what.startsWith(`${start}No such file`), true);
    await Deno.remove(folder, { recursive: true });
  },
});
