import { describeError } from "../base/errors.ts";
import type { Config, TlsConfig } from "../config/config.ts";
import { StartError } from "./start_error.ts";

/** The blocks of the configuration that have a certificate. */
export const TLS_BLOCKS = ["rtmps", "http_api", "http_server"] as const;

/** One of {@linkcode TLS_BLOCKS}. */
export type TlsBlock = (typeof TLS_BLOCKS)[number];

/** What is wrong with a certificate. */
interface CertificateProblem {
  /** `error`: it cannot be used. `warning`: clients refuse it, or will soon. */
  readonly severity: "error" | "warning";
  readonly what: string;
  readonly fix: string;
}

/** Warn this long before a certificate expires. */
const EXPIRY_WARNING_DAYS = 14;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Returns the TLS settings of a block. */
export function tlsOf(block: TlsBlock, { rtmps, httpApi, httpServer }: Config): TlsConfig {
  switch (block) {
    case "rtmps":
      return rtmps;
    case "http_api":
      return httpApi.https;
    case "http_server":
      return httpServer.https;
    default:
      return block satisfies never;
  }
}

/**
 * Checks all certificates of a configuration: that the files can be read, belong together, and are
 * in force.
 *
 * @param folder Folder that relative paths start from; empty for the working directory.
 * @param nowMs Wall clock, ms since 1970.
 */
export async function checkCertificates(
  config: Config,
  folder: string,
  nowMs: number,
): Promise<CertificateProblem[]> {
  const enabled = TLS_BLOCKS.map((block) => tlsOf(block, config)).filter(({ enabled }) => enabled);
  const pairs = new Map(enabled.map(({ cert, key }) => [`${cert}\n${key}`, { cert, key }]));
  const problems: CertificateProblem[] = [];
  for (const { cert, key } of pairs.values()) {
    const files = { cert: inFolder(folder, cert), key: inFolder(folder, key) };
    problems.push(...await checkFiles(files, nowMs));
  }
  return [...problems, ...await checkIssuers(config, folder)];
}

/** Checks the files of `tls_ca`. */
async function checkIssuers({ vhosts }: Config, folder: string): Promise<CertificateProblem[]> {
  const used = [...vhosts.values()].filter(({ enabled, mode }) => enabled && mode === "remote");
  const files = new Set(used.map(({ cluster }) => cluster.tlsCa).filter((file) => file !== ""));
  if (files.size === 0) return [];
  const { X509Certificate } = await import("node:crypto");
  return [...files].flatMap((file): CertificateProblem[] => {
    const path = inFolder(folder, file);
    const fix = "write the path of a PEM file after tls_ca";
    try {
      const text = readPem(path);
      if (attempt(() => new X509Certificate(text)) !== null) return [];
      return [{ severity: "error", what: `${path} holds no certificate`, fix }];
    } catch (error) {
      return [{ severity: "error", what: describeError(error), fix }];
    }
  });
}

/** @throws {StartError} when a certificate of `config` cannot be used. */
export async function requireCertificates(config: Config): Promise<void> {
  const problems = await checkCertificates(config, "", Date.now());
  const error = problems.find(({ severity }) => severity === "error");
  if (error !== undefined) throw new StartError(error.what, error.fix);
}

function inFolder(folder: string, path: string): string {
  return folder === "" || path.startsWith("/") ? path : `${folder}/${path}`;
}

async function checkFiles(
  files: Pick<TlsConfig, "cert" | "key">,
  nowMs: number,
): Promise<CertificateProblem[]> {
  try {
    const [cert, key] = [readPem(files.cert), readPem(files.key)];
    return await checkPair({ cert, key }, files, nowMs);
  } catch (error) {
    const fix = "write its path after cert or key, and let the server's user read it";
    return [{ severity: "error", what: describeError(error), fix }];
  }
}

/** @throws {Error} which names the path */
export function readPem(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${describeError(error)}`, { cause: error });
  }
}

/**
 * Checks a certificate and its key.
 *
 * @param pair PEM.
 * @param files Where they are, for messages.
 */
export async function checkPair(
  pair: { readonly cert: string; readonly key: string },
  files: Pick<TlsConfig, "cert" | "key">,
  nowMs: number,
): Promise<CertificateProblem[]> {
  // Loaded when it is needed: few servers have certificates.
  const { X509Certificate, createPrivateKey } = await import("node:crypto");
  const error = (what: string, fix: string): CertificateProblem[] => [
    { severity: "error", what, fix },
  ];
  const certificate = attempt(() => new X509Certificate(pemBlock(pair.cert, "CERTIFICATE")));
  if (certificate === null) {
    return error(`${files.cert} holds no certificate`, "write the path of a PEM file after cert");
  }
  const key = attempt(() => createPrivateKey(pemBlock(pair.key, "[A-Z ]*PRIVATE KEY")));
  if (key === null) {
    return error(
      `${files.key} holds no private key that can be read`,
      "write the path of a PEM file without a passphrase after key",
    );
  }
  const refused = refusal(pair);
  // Some runtimes cannot compare keys that TLS does not take.
  const isMismatch = refused === null
    ? !certificate.checkPrivateKey(key)
    : refused.includes("KeyMismatch");
  if (isMismatch) {
    return error(
      `The key in ${files.key} does not belong to the certificate in ${files.cert}`,
      "write the key that the certificate was made for",
    );
  }
  if (refused !== null) {
    return error(
      `TLS cannot use the certificate in ${files.cert} with the key in ${files.key}: ${refused}`,
      "make a version 3 certificate with a key for prime256v1, or RSA with 2048 bits or more",
    );
  }
  return checkDates(certificate, files.cert, nowMs);
}

/**
 * Returns the first block of a kind in a PEM text, which may hold a key, its parameters and several
 * certificates.
 *
 * @param kind A regular expression.
 */
function pemBlock(pem: string, kind: string): string {
  return new RegExp(`-----BEGIN (${kind})-----[^]*?-----END \\1-----`).exec(pem)?.[0] ?? pem;
}

/**
 * Returns why listeners refuse a certificate and its key, or `null`. Only a listener tells: a file
 * that is well-formed may have a version, or a kind or length of key, that TLS does not take.
 */
function refusal(pair: { readonly cert: string; readonly key: string }): string | null {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair }).close();
    return null;
  } catch (error) {
    const text = describeError(error);
    // No permission or no address to try it on: the server's own listeners will tell.
    return error instanceof Deno.errors.NotCapable || /\bos error \d+\b/.test(text) ? null : text;
  }
}

function attempt<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

function checkDates(
  { validFrom, validTo }: { readonly validFrom: string; readonly validTo: string },
  file: string,
  nowMs: number,
): CertificateProblem[] {
  const days = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);
  const what = days < 0
    ? `The certificate in ${file} expired on ${validTo}`
    : Date.parse(validFrom) > nowMs
    ? `The certificate in ${file} is not valid before ${validFrom}`
    : days < EXPIRY_WARNING_DAYS
    ? `The certificate in ${file} expires in ${days} days, on ${validTo}`
    : null;
  if (what === null) return [];
  return [{ severity: "warning", what, fix: "renew it; the server reads the new file by itself" }];
}
