import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";

/** A JSON Web Token, made by hand (RFC 7515, 3.1). */
export function makeToken(
  header: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  signWith: (text: string) => Buffer,
): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ typ: "JWT", ...header })}.${encode(claims)}`;
  return `${text}.${signWith(text).toString("base64url")}`;
}

/** Keys of one kind: what a server is given, and what makes tokens. */
export interface TestKey {
  readonly alg: string;
  readonly jwk: Record<string, unknown>;
  readonly pem: string;
  readonly sign: (text: string) => Buffer;
}

const SECRET = Buffer.from("0123456789abcdef0123456789abcdef");

export const HS256: TestKey = {
  alg: "HS256",
  jwk: { kty: "oct", kid: "shared", k: SECRET.toString("base64url") },
  pem: "",
  sign: (text) => createHmac("sha256", SECRET).update(text).digest(),
};

export const RS256 = asymmetric("RS256");
export const EDDSA = asymmetric("EdDSA");

function asymmetric(alg: "RS256" | "EdDSA"): TestKey {
  const { publicKey, privateKey } = alg === "RS256"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ed25519");
  return {
    alg,
    jwk: { ...publicKey.export({ format: "jwk" }), kid: alg },
    pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign: (text) => sign(alg === "RS256" ? "sha256" : null, Buffer.from(text), privateKey),
  };
}
