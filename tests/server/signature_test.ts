import { objectionToSignature, signUrl } from "../../lib/server/signature.ts";
import { assertEquals } from "../helpers/assert.ts";

const SECRET = "0123456789abcdef";
const OTHER = "fedcba9876543210";
const EXPIRES = 1_767_225_600;

/** Made with `printf 'play\n__defaultVhost__\nlive\nshow\n1767225600\n' | openssl dgst -hmac …`. */
const PLAY = "nejgBHiv_Rj7YL2n-GL9QHqzG5Bj4cmRTW4fJnaDZtg";
/** The same for a publish at `a.example` from 203.0.113.9. */
const PUBLISH = "g3GKAI6TeNEhOjHDVuDxYI0mvKmHDiSrBbBOKnougr0";

const CLAIM = {
  action: "play",
  vhosts: ["__defaultVhost__", "192.0.2.1"],
  app: "live",
  stream: "show",
  params: `?exp=${EXPIRES}&sig=${PLAY}`,
  ip: "203.0.113.9",
  nowSeconds: EXPIRES,
} as const;

Deno.test("signUrl() signs as openssl does", () => {
  const stream = {
    action: "play",
    vhost: "__defaultVhost__",
    app: "live",
    stream: "show",
  } as const;
  assertEquals(
    signUrl("rtmp://h/live/show", SECRET, stream, { expires: EXPIRES, ip: "" }),
    `rtmp://h/live/show?exp=${EXPIRES}&sig=${PLAY}`,
  );
  assertEquals(
    signUrl("show?a=b#c", SECRET, { ...stream, action: "publish", vhost: "a.example" }, {
      expires: EXPIRES,
      ip: "203.0.113.9",
    }),
    `show?a=b&exp=${EXPIRES}&ip=203.0.113.9&sig=${PUBLISH}#c`,
  );
});

const publish = { action: "publish", vhosts: ["a.example"] } as const;
const bound = `?sig=${PUBLISH};exp=${EXPIRES},ip=203.0.113.9`;

const CASES: readonly {
  readonly name: string;
  readonly claim?: Partial<Parameters<typeof objectionToSignature>[1]>;
  readonly secrets?: readonly string[];
  readonly objection: string | null;
}[] = [
  { name: "a right one", objection: null },
  { name: "the second secret", secrets: [OTHER, SECRET], objection: null },
  { name: "another secret", secrets: [OTHER], objection: "The signature of the URL is wrong" },
  { name: "no secret", secrets: [], objection: "The signature of the URL is wrong" },
  { name: "the asked vhost", claim: { vhosts: ["x", "__defaultVhost__"] }, objection: null },
  {
    name: "another vhost",
    claim: { vhosts: ["a.example"] },
    objection: "The signature of the URL is wrong",
  },
  { name: "another app", claim: { app: "vod" }, objection: "The signature of the URL is wrong" },
  {
    name: "another stream",
    claim: { stream: "shower" },
    objection: "The signature of the URL is wrong",
  },
  {
    name: "another action",
    claim: { action: "publish" },
    objection: "The signature of the URL is wrong",
  },
  { name: "too late", claim: { nowSeconds: EXPIRES + 0.1 }, objection: "The URL has expired" },
  {
    name: "another end",
    claim: { params: `?exp=${EXPIRES + 1}&sig=${PLAY}` },
    objection: "The signature of the URL is wrong",
  },
  {
    name: "no end",
    claim: { params: `?sig=${PLAY}` },
    objection: "The URL is not signed: exp and sig are missing",
  },
  {
    name: "no signature",
    claim: { params: `?exp=${EXPIRES}` },
    objection: "The URL is not signed: exp and sig are missing",
  },
  {
    name: "half a signature",
    claim: { params: `?exp=${EXPIRES}&sig=${PLAY.slice(0, 20)}` },
    objection: "The signature of the URL is wrong",
  },
  { name: "its address", claim: { ...publish, params: bound }, objection: null },
  {
    name: "its address as IPv6 has it",
    claim: { ...publish, params: bound, ip: "::ffff:203.0.113.9" },
    objection: null,
  },
  {
    name: "another address",
    claim: { ...publish, params: bound, ip: "203.0.113.8" },
    objection: "The URL is for another address",
  },
  {
    name: "its address taken out",
    claim: { ...publish, params: bound.replace(/,ip=.*/, "") },
    objection: "The signature of the URL is wrong",
  },
];

for (const { name, claim = {}, secrets = [SECRET], objection } of CASES) {
  Deno.test(`objectionToSignature() ${objection ? "refuses" : "admits"} with ${name}`, () => {
    assertEquals(objectionToSignature(secrets, { ...CLAIM, ...claim }), objection);
  });
}
