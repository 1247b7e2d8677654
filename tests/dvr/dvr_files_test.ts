import { diskFiles } from "../../lib/dvr/dvr_files.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";

const granted = await needs("read", "write");

Deno.test({
  ...granted,
  name: "diskFiles makes folders, appends, patches and cuts files",
  fn: () =>
    inTempDirectory(async (folder) => {
      const path = `${folder}/a/b/c.flv`;
      const file = (await diskFiles.create(path))!;
      await file.append(Uint8Array.of(1, 2, 3));
      await file.patch(1, Uint8Array.of(9));
      await file.append(Uint8Array.of(4, 5));
      assertEquals([...await Deno.readFile(path)], [1, 9, 3, 4, 5]);
      await file.truncate(2);
      await file.append(Uint8Array.of(6));
      file.close();
      assertEquals([...await Deno.readFile(path)], [1, 9, 6]);
    }),
});

Deno.test({
  ...granted,
  name: "diskFiles replaces no file",
  fn: () =>
    inTempDirectory(async (folder) => {
      await Deno.writeTextFile(`${folder}/one`, "one");
      await Deno.writeTextFile(`${folder}/other`, "other");
      assertEquals(await diskFiles.create(`${folder}/one`), null);
      assertEquals(await diskFiles.rename(`${folder}/one`, `${folder}/other`), false);
      assertEquals(await Deno.readTextFile(`${folder}/other`), "other");
      assertEquals(await diskFiles.exists(`${folder}/new`), false);
      assertEquals(await diskFiles.rename(`${folder}/one`, `${folder}/new`), true);
      assertEquals(await diskFiles.exists(`${folder}/one`), false);
      assertEquals(await Deno.readTextFile(`${folder}/new`), "one");
      await diskFiles.remove(`${folder}/new`);
      await assertRejects(() => diskFiles.create(`${folder}/other/x.flv`), Error);
    }),
});
