/** What `edge --test` and the start say about certificates. */

import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { CertificateAuthority, readIdentity } from "../helpers/certificates.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { freePort } from "../helpers/ports.ts";

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("openssl");

async function writeConfig(directory: string, tls: string, more = ""): Promise<void> {
  await Deno.writeTextFile(
    `${directory}/edge.conf`,
    `listen 1935; work_dir ${directory}; ${more} rtmps { enabled on; ${tls} } vhost __defaultVhost__ { }`,
  );
}

/** Returns exit code and output of `edge --test`. */
async function test(directory: string, tls: string): Promise<[number, ...string[]]> {
  await writeConfig(directory, tls);
  const command = [...edgeCommand(), "-t", "-c", `${directory}/edge.conf`] as const;
  await using edge = startProcess({ name: "edge", command });
  const { code } = await endOf(edge);
  return [code, ...edge.stderr.map((line) => line.replaceAll(`${directory}/`, ""))];
}

Deno.test({
  name:
    "edge --test names certificates that cannot be used, and warns of those that clients refuse",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      const ca = await CertificateAuthority.create(directory);
      for (const [name, days] of [["a", 30], ["b", 30], ["soon", 3], ["old", -1]] as const) {
        await ca.issue({ name, days });
      }
      const valid = "Configuration file edge.conf is valid";
      assertEquals(await test(directory, "cert a.crt; key a.key;"), [0, valid]);
      assertEquals(await test(directory, "cert a.crt; key b.key;"), [
        78,
        "edge.conf: The key in b.key does not belong to the certificate in a.crt: " +
        "write the key that the certificate was made for",
      ]);
      assertEquals(await test(directory, "cert a.key; key a.key;"), [
        78,
        "edge.conf: a.key holds no certificate: write the path of a PEM file after cert",
      ]);
      const [code, missing] = await test(directory, "cert none.crt; key a.key;");
      assertEquals(code, 78);
      assertMatch(missing!, /^edge\.conf: Cannot read none\.crt: .*: write its path after cert/);
      const [, soon] = await test(directory, "cert soon.crt; key soon.key;");
      assertMatch(
        soon!,
        /^edge\.conf: warning: The certificate in soon\.crt expires in 2 days, on/,
      );
      const [, old] = await test(directory, "cert old.crt; key old.key;");
      assertMatch(old!, /^edge\.conf: warning: The certificate in old\.crt expired on/);
    }),
});

Deno.test({
  name: "edge --test refuses what TLS listeners refuse, and takes a key before the certificate",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      const ca = await CertificateAuthority.create(directory);
      await ca.issueVersion1("v1");
      await ca.issue({ name: "bitcoin", curve: "secp256k1" });
      const { key, cert } = readIdentity(await ca.issue({ name: "a" }));
      await Deno.writeTextFile(`${directory}/both.pem`, key + cert);
      for (const name of ["v1", "bitcoin"]) {
        const [code, text] = await test(directory, `cert ${name}.crt; key ${name}.key;`);
        assertEquals(code, 78);
        assertMatch(text!, /^edge\.conf: TLS cannot use the certificate in .*: make a version 3/);
      }
      const valid = "Configuration file edge.conf is valid";
      assertEquals(await test(directory, "cert both.pem; key both.pem;"), [0, valid]);
    }),
});

Deno.test({
  name: "edge serves RTMPS in one thread and in several, and prints its address",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      const ca = await CertificateAuthority.create(directory);
      await ca.issue({ name: "a" });
      const trust = { caFile: ca.file, isVerified: true };
      for (const workers of ["", "workers 2;"]) {
        const port = freePort();
        await writeConfig(
          directory,
          `listen 127.0.0.1:${port}; cert a.crt; key a.key;`,
          workers,
        );
        await using edge = startProcess({
          name: "edge",
          command: [...edgeCommand(), "-c", "edge.conf", "--listen", `127.0.0.1:${freePort()}`],
          cwd: directory,
        });
        const line = new RegExp(`Listening on rtmps://127.0.0.1:${port}`);
        await edge.waitForLine(line, CHILD_TIMEOUT_MS);
        await using _publisher = await RtmpClient.publish(port, "show", { trust });
        await edge.waitForLine(/Publish started/, CHILD_TIMEOUT_MS);
      }
    }),
});
