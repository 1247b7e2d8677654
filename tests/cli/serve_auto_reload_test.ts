/** `inotify_auto_reload`, with the ways in which editors and Kubernetes change files. */

import { assertMatch } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";
import { ReloadRig } from "./reload_rig.ts";

const granted = await needs("net", "read", "write", "run", "env");

Deno.test({
  ...granted,
  name: "edge reloads when its file is written, renamed over, or swapped behind a symbolic link",
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = new ReloadRig(directory);
      // As the kubelet mounts a ConfigMap: ..data leads to a folder of one version.
      const version = (name: string, limit: number) => {
        Deno.mkdirSync(`${directory}/${name}`);
        rig.writeFile(`${name}/more.conf`, `max_connections ${limit};`);
        Deno.symlinkSync(name, `${directory}/${name}.link`);
        Deno.renameSync(`${directory}/${name}.link`, `${directory}/..data`);
      };
      const changedTo = async (limit: number) =>
        assertMatch(
          (await rig.untilReloaded()).join("\n"),
          new RegExp(`cause=".* has changed" applied=1 [^]*max_connections from=\\d+ to=${limit}$`),
        );
      version("..v1", 50);
      Deno.symlinkSync("..data/more.conf", `${directory}/more.conf`);
      rig.write("inotify_auto_reload on; include more.conf;");
      await rig.start();
      version("..v2", 51);
      await changedTo(51);
      rig.write("inotify_auto_reload on; max_connections 52;");
      await changedTo(52);
      Deno.renameSync(`${directory}/edge.conf`, `${directory}/edge.conf~`);
      rig.write("inotify_auto_reload on; max_connections 53;");
      await changedTo(53);
      // A mistake is reported once, and the next change is still noticed.
      rig.write("inotify_auto_reload on; max_connections many;");
      assertMatch((await rig.untilReloaded()).join("\n"), /not reloaded[^]*"many"/);
      rig.write("max_connections 54;");
      assertMatch((await rig.untilReloaded()).join("\n"), /inotify_auto_reload from=on to=off/);
      rig.write("max_connections 55;");
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      assertMatch((await rig.reload()).join("\n"), /cause=SIGHUP .*[^]* from=54 to=55/);
    }),
});
