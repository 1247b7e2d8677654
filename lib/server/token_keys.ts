import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { ConfigError, describeError } from "../base/errors.ts";

/** Algorithms by type of key: a token cannot choose another one for a key. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  secret: ["HS256"],
  rsa: ["RS256"],
  ed25519: ["EdDSA", "Ed25519"],
};

const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;

/** A key that may have signed a token. */
interface TokenKey {
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
  /** Its name in the header of tokens; undefined for any. */
  readonly id: string | undefined;
}

/** What tokens must say besides; empty for anything. */
interface WantedClaims {
  /** `iss`. */
  readonly issuer: string;
  /** `aud`, or one of them. */
  readonly audience: string;
}

/** What a valid token says. */
type Claims = Readonly<Record<string, unknown>>;

/** The keys by which JSON Web Tokens are checked: HS256, RS256, EdDSA. */
export class TokenKeys {
  readonly #keys: readonly TokenKey[];

  readonly #wanted: WantedClaims;

  private constructor(keys: readonly TokenKey[], wanted: WantedClaims) {
    this.#keys = keys;
    this.#wanted = wanted;
  }

  /**
   * Reads a JSON Web Key Set, one JSON Web Key, or public keys in PEM.
   *
   * @throws {ConfigError} whose text contains no key.
   */
  static parse(
    text: string,
    file: string,
    wanted: WantedClaims = { issuer: "", audience: "" },
  ): TokenKeys {
    try {
      const keys = text.includes("-----BEGIN") ? parsePem(text) : parseJson(text);
      if (keys.length === 0) throw new Error("it has no keys");
      return new TokenKeys(keys, wanted);
    } catch (error) {
      const what = `Cannot use the keys of tokens: ${describeError(error)}`;
      const fix = "write a JWKS with keys of kty oct, RSA or OKP (Ed25519), or public keys in PEM";
      throw new ConfigError([{ severity: "error", file, line: 0, column: 0, what, fix }]);
    }
  }

  /**
   * Checks the signature of a token, its end and its beginning. Never rejects.
   *
   * @returns its claims, or why it is not valid.
   */
  async verify(token: string, now: Date): Promise<Claims | string> {
    // Loaded for the first token: most servers see none.
    const { decodeProtectedHeader, jwtVerify, errors } = await import("jose");
    const { issuer, audience } = this.#wanted;
    let reason = "The token is not signed by a key of this server";
    try {
      const { alg = "", kid } = decodeProtectedHeader(token);
      const keys = this.#keys.filter(({ algorithms, id }) =>
        algorithms.includes(alg) && (id === undefined || kid === undefined || id === kid)
      );
      for (const { key, algorithms } of keys) {
        try {
          const options = {
            algorithms: [...algorithms],
            requiredClaims: ["exp"],
            currentDate: now,
            ...(issuer === "" ? {} : { issuer }),
            ...(audience === "" ? {} : { audience }),
          };
          return (await jwtVerify(token, key, options)).payload;
        } catch (error) {
          if (error instanceof errors.JWSSignatureVerificationFailed) continue;
          if (error instanceof errors.JWTExpired) reason = "The token has expired";
          else if (error instanceof errors.JWTClaimValidationFailed) reason = describe(error.claim);
          else throw error;
        }
      }
    } catch {
      return "The token cannot be read";
    }
    return reason;
  }
}

function describe(claim: string): string {
  if (claim === "nbf") return "The token is not valid yet";
  if (claim === "iss") return "The token is by another issuer (iss)";
  if (claim === "aud") return "The token is for another audience (aud)";
  return claim === "exp" ? "The token has no end (exp)" : "The token is not valid";
}

function parsePem(text: string): TokenKey[] {
  const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? [];
  return blocks.map((block) => {
    if (block.includes("PRIVATE KEY")) throw new Error("it has a private key; give it public ones");
    return tokenKeyOf(createPublicKey(block), undefined);
  });
}

function parseJson(text: string): TokenKey[] {
  const value = parseObject(text);
  const keys: unknown = value["keys"] ?? [value];
  if (!Array.isArray(keys)) throw new Error("its keys are no list");
  return keys.filter((key) => key?.use === undefined || key.use === "sig").map(parseJwk);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // The parser's message quotes the text.
  }
  throw new Error("it is neither JSON nor PEM");
}

function parseJwk(jwk: Record<string, unknown>): TokenKey {
  const id = typeof jwk["kid"] === "string" ? jwk["kid"] : undefined;
  if (jwk["kty"] !== "oct") {
    const { d: _private, ...rest } = jwk;
    return tokenKeyOf(createPublicKey({ key: rest, format: "jwk" }), id);
  }
  const secret = createSecretKey(String(jwk["k"] ?? ""), "base64url");
  if ((secret.symmetricKeySize ?? 0) < MIN_SECRET_BYTES) {
    throw new Error(`a secret is shorter than ${MIN_SECRET_BYTES} bytes`);
  }
  return tokenKeyOf(secret, id);
}

function tokenKeyOf(key: KeyObject, id: string | undefined): TokenKey {
  const type = key.asymmetricKeyType ?? "secret";
  const algorithms = ALGORITHMS[type];
  if (algorithms === undefined) throw new Error(`keys of type ${type} are not supported`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
  if (type === "rsa" && bits < MIN_RSA_BITS) {
    throw new Error(`an RSA key has fewer than ${MIN_RSA_BITS} bits`);
  }
  return { key, algorithms, id };
}
