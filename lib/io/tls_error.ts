import { describeError, WireError } from "../base/errors.ts";

/** Why a client's handshake failed, by what the TLS library says, and what to do about it. */
const CLIENT_FAILURES: readonly { pattern: RegExp; reason: string; fix: string }[] = [
  {
    pattern: /InvalidContentType|wrong version number|http request|unexpected message/i,
    reason: "it does not speak TLS",
    fix: "use an rtmps:// or https:// URL for this port",
  },
  {
    pattern:
      /alert.*(UnknownCA|unknown ca|BadCertificate|bad certificate|CertificateUnknown|certificate unknown|CertificateExpired|certificate expired)/i,
    reason: "it does not accept the certificate",
    fix: "check its names, dates and issuer: openssl s_client -connect HOST:PORT",
  },
  {
    pattern: /incompatible|NoCipherSuitesInCommon|unsupported protocol|no shared cipher/i,
    reason: "it offers no version or cipher that is safe",
    fix: "use a client with TLS 1.2 or newer",
  },
];

/**
 * Returns why the TLS handshake of a client failed.
 *
 * @param message What the TLS library says.
 */
export function clientTlsError(message: string): WireError {
  const known = CLIENT_FAILURES.find(({ pattern }) => pattern.test(message));
  const reason = known?.reason ?? message;
  return new WireError("tls.handshake", `TLS handshake failed: ${reason}`, {
    fix: known?.fix ?? "",
  });
}

/** The same for a handshake with a server. */
const SERVER_FAILURES: readonly { pattern: RegExp; reason: string; fix: string }[] = [
  {
    pattern: /certificate expired/i,
    reason: "the server's certificate has expired",
    fix: "renew it there",
  },
  {
    pattern: /not valid yet/i,
    reason: "the server's certificate is not valid yet",
    fix: "check the clocks",
  },
  {
    pattern: /not valid for name/i,
    reason: "the server's certificate has another name",
    fix: "write the name that it has as origin, or renew it there with this name",
  },
  {
    pattern: /UnknownIssuer/,
    reason: "the issuer of the server's certificate is unknown",
    fix: "name the issuer's file: cluster { tls_ca FILE; }",
  },
  {
    pattern: /CaUsedAsEndEntity/,
    reason: "the server's certificate is one of an issuer (CA:TRUE)",
    fix: "make one with basicConstraints=CA:FALSE there",
  },
  {
    pattern: /corrupt message|InvalidContentType|wrong version number/i,
    reason: "the server does not speak TLS",
    fix: "check the port, or write the origin without rtmps://",
  },
  {
    pattern: /unexpected end of file|before secure TLS connection/i,
    reason: "the server closed the connection",
    fix: "check that the port speaks TLS",
  },
];

/** Returns why the TLS handshake with a server failed. @param error What the attempt threw. */
export function serverTlsError(error: unknown): Error {
  const message = describeError(error);
  const known = SERVER_FAILURES.find(({ pattern }) => pattern.test(message));
  const detail = known === undefined
    ? message
    : `${known.reason}${detailOf(message)}: ${known.fix}`;
  return new Error(`TLS handshake failed: ${detail}`, { cause: error });
}

/** What the library adds about names, in brackets. */
function detailOf(message: string): string {
  const names = /(?:only )?valid for (?!name)(.*)$/i.exec(message)?.[1];
  return names === undefined ? "" : ` (${names})`;
}
