import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { ConfigError } from "../../lib/base/errors.ts";
import { TokenKeys } from "../../lib/server/token_keys.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { EDDSA, HS256, makeToken, RS256 } from "../helpers/tokens.ts";

const NOW = new Date("2026-11-29T12:00:00Z");
const SECONDS = NOW.getTime() / 1000;
const CLAIMS = { action: "play", stream: "show", exp: SECONDS + 60 };
const JWKS = JSON.stringify({ keys: [HS256.jwk, RS256.jwk, EDDSA.jwk] });

const UNSIGNED = "The token is not signed by a key of this server";
const UNREADABLE = "The token cannot be read";

for (const key of [HS256, RS256, EDDSA]) {
  const token = makeToken({ alg: key.alg }, CLAIMS, key.sign);

  Deno.test(`TokenKeys takes a token of ${key.alg} by a JWKS`, async () => {
    assertEquals(await TokenKeys.parse(JWKS, "f").verify(token, NOW), CLAIMS);
  });

  Deno.test(`TokenKeys takes no token of ${key.alg} by another key`, async () => {
    const others = [HS256, RS256, EDDSA].filter((other) => other !== key).map(({ jwk }) => jwk);
    const keys = TokenKeys.parse(JSON.stringify({ keys: others }), "f");
    assertEquals(await keys.verify(token, NOW), UNSIGNED);
  });

  Deno.test(`TokenKeys checks the signature and the times of ${key.alg}`, async () => {
    const keys = TokenKeys.parse(JSON.stringify(key.jwk), "f");
    const verify = (claims: object, header = {}) =>
      keys.verify(makeToken({ alg: key.alg, ...header }, { ...claims }, key.sign), NOW);
    const [head, , signature] = token.split(".");
    const changed = Buffer.from(JSON.stringify({ ...CLAIMS, stream: "*" })).toString("base64url");
    assertEquals(await keys.verify(`${head}.${changed}.${signature}`, NOW), UNSIGNED);
    assertEquals(await verify({ ...CLAIMS, exp: SECONDS }), "The token has expired");
    assertEquals(await verify({ ...CLAIMS, exp: undefined }), "The token has no end (exp)");
    assertEquals(await verify({ ...CLAIMS, nbf: SECONDS + 1 }), "The token is not valid yet");
    assertEquals(await verify(CLAIMS, { kid: "unknown" }), UNSIGNED);
    assertEquals(await verify(CLAIMS, { kid: key.jwk["kid"] }), CLAIMS);
    assertEquals(await verify(CLAIMS, { alg: "none" }), UNSIGNED);
    assertEquals(await verify(CLAIMS, { crit: ["x"], x: 1 }), UNREADABLE);
    for (const text of ["", "a", "a.b.c", `${head}.${changed}`, "..", "%%%"]) {
      assertEquals(await keys.verify(text, NOW), UNREADABLE, text);
    }
  });
}

for (const key of [RS256, EDDSA]) {
  Deno.test(`TokenKeys takes a public key of ${key.alg} in PEM, and no HMAC with it`, async () => {
    const keys = TokenKeys.parse(`# keys\n${key.pem}`, "f");
    assertEquals(await keys.verify(makeToken({ alg: key.alg }, CLAIMS, key.sign), NOW), CLAIMS);
    const forge = (text: string) => createHmac("sha256", key.pem).update(text).digest();
    assertEquals(await keys.verify(makeToken({ alg: "HS256" }, CLAIMS, forge), NOW), UNSIGNED);
  });
}

const BAD_FILES: readonly (readonly [text: string, reason: string])[] = [
  ["secret-of-mine", "it is neither JSON nor PEM"],
  ['{"keys":[]}', "it has no keys"],
  ['{"keys":{}}', "its keys are no list"],
  ['{"kty":"oct","k":"c2hvcnQ"}', "a secret is shorter than 32 bytes"],
];

for (const [text, reason] of BAD_FILES) {
  Deno.test(`TokenKeys refuses the file ${text} without showing it`, () => {
    const error = assertThrows(() => TokenKeys.parse(text, "f"), ConfigError);
    assertEquals(error.problems[0]!.what, `Cannot use the keys of tokens: ${reason}`);
  });
}

Deno.test("TokenKeys takes tokens of one issuer and audience, if asked to", async () => {
  const verify = (claims: object, issuer: string, audience: string) =>
    TokenKeys.parse(JWKS, "f", { issuer, audience })
      .verify(makeToken({ alg: HS256.alg }, { ...CLAIMS, ...claims }, HS256.sign), NOW);
  const own = { iss: "https://login.example", aud: ["shop", "live"] };
  assertEquals(await verify(own, own.iss, "live"), { ...CLAIMS, ...own });
  assertEquals(await verify({ ...own, aud: "live" }, "", "live"), {
    ...CLAIMS,
    ...own,
    aud: "live",
  });
  const otherIssuer = "The token is by another issuer (iss)";
  const otherAudience = "The token is for another audience (aud)";
  assertEquals(await verify(own, "https://login.example/", ""), otherIssuer);
  assertEquals(await verify({}, own.iss, ""), otherIssuer);
  assertEquals(await verify(own, "", "liv"), otherAudience);
  assertEquals(await verify({}, "", "live"), otherAudience);
  assertEquals(await verify({}, "", ""), CLAIMS);
});
