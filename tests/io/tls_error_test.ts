import { clientTlsError, serverTlsError } from "../../lib/io/tls_error.ts";
import { assertEquals } from "../helpers/assert.ts";

/** What rustls (Deno) and OpenSSL (Node) say, as seen with Deno 2.9.6. */
const CLIENTS: Readonly<Record<string, string>> = {
  "received corrupt message of type InvalidContentType": "it does not speak TLS",
  "received fatal alert: UnknownCA": "it does not accept the certificate",
  "received fatal alert: BadCertificate": "it does not accept the certificate",
  "received fatal alert: CertificateUnknown": "it does not accept the certificate",
  "received fatal alert: CertificateExpired": "it does not accept the certificate",
  "peer is incompatible: NoCipherSuitesInCommon": "it offers no version or cipher that is safe",
  "something new": "something new",
};

Deno.test("clientTlsError() says why the handshake of a client failed", () => {
  for (const [message, reason] of Object.entries(CLIENTS)) {
    const error = clientTlsError(message);
    assertEquals([error.code, error.message], [
      "tls.handshake",
      `TLS handshake failed: ${reason}`,
    ]);
  }
});

Deno.test("serverTlsError() says why the handshake with a server failed, and keeps unknown reasons", () => {
  const describe = (message: string) => serverTlsError(new Error(message)).message;
  assertEquals(
    describe("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"),
    "TLS handshake failed: the server's certificate is one of an issuer (CA:TRUE): " +
      "make one with basicConstraints=CA:FALSE there",
  );
  assertEquals(describe("something new"), "TLS handshake failed: something new");
});
