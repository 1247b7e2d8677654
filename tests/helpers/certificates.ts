/** Makes certificates with openssl, in a folder that the test removes. */

/** What a certificate says. */
interface CertificateRequest {
  /** Name of its files. */
  readonly name: string;
  /** Names and addresses that it is valid for; those of loopback unless given. */
  readonly san?: string;
  /** In days from now, an expired one unless above 0; 30 unless given. */
  readonly days?: number;
  /** Curve of its key, by openssl's name; prime256v1 unless given. */
  readonly curve?: string;
}

/** Files of a certificate. */
interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** An issuer of certificates, unknown to the runtime. */
export class CertificateAuthority {
  /** File of the certificate that others must trust. */
  readonly file: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.file = `${directory}/ca.crt`;
  }

  static async create(directory: string): Promise<CertificateAuthority> {
    const ca = new CertificateAuthority(directory);
    await Deno.writeTextFile(`${directory}/index.txt`, "");
    await Deno.writeTextFile(
      `${directory}/ca.cnf`,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${directory}/index.txt\nrand_serial=yes\n` +
        `new_certs_dir=${directory}\ndefault_md=sha256\npolicy=p\nunique_subject=no\n` +
        `[p]\ncommonName=supplied\n`,
    );
    await ca.#openssl("req", "-x509", ...ca.#keyTo("ca"), "-days", "30", "-subj", "/CN=test", [
      "-out",
      ca.file,
    ]);
    return ca;
  }

  /** PEM. */
  get text(): string {
    return Deno.readTextFileSync(this.file);
  }

  async issue(request: CertificateRequest): Promise<CertificateFiles> {
    const { name, san = "DNS:localhost,IP:127.0.0.1", days = 30, curve } = request;
    const path = `${this.#directory}/${name}`;
    await Deno.writeTextFile(`${path}.ext`, `basicConstraints=CA:FALSE\nsubjectAltName=${san}\n`);
    await this.#openssl("req", ...this.#keyTo(name, curve), "-subj", `/CN=${name}`, [
      "-out",
      `${path}.csr`,
    ]);
    await this.#openssl("ca", "-batch", "-notext", "-config", `${this.#directory}/ca.cnf`, [
      ...["-cert", this.file, "-keyfile", `${this.#directory}/ca.key`],
      ...["-in", `${path}.csr`, "-out", `${path}.crt`, "-extfile", `${path}.ext`],
      ...["-startdate", asn1Time(-60), "-enddate", asn1Time(days)],
    ]);
    return { cert: `${path}.crt`, key: `${path}.key` };
  }

  /** Makes a certificate of X.509 version 1, signed by its own key. */
  async issueVersion1(name: string): Promise<void> {
    const path = `${this.#directory}/${name}`;
    const request = ["-subj", `/CN=${name}`, "-out", `${path}.csr`];
    await this.#openssl("req", ...this.#keyTo(name), request);
    const files = ["-in", `${path}.csr`, "-signkey", `${path}.key`, "-out", `${path}.crt`];
    await this.#openssl("x509", "-req", "-days", "30", files);
  }

  #keyTo(name: string, curve = "prime256v1"): string[] {
    return [
      ...["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${curve}`, "-nodes"],
      ...["-keyout", `${this.#directory}/${name}.key`],
    ];
  }

  async #openssl(...args: (string | string[])[]): Promise<void> {
    const { success, stderr } = await new Deno.Command("openssl", { args: args.flat() }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }
}

/** Reads the files of a certificate. */
export function readIdentity({ cert, key }: CertificateFiles): CertificateFiles {
  return { cert: Deno.readTextFileSync(cert), key: Deno.readTextFileSync(key) };
}

function asn1Time(days: number): string {
  const date = new Date(Date.now() + days * DAY_MS).toISOString();
  return `${date.replace(/[-:T]/g, "").slice(0, 14)}Z`;
}
