/** Request heads, valid and invalid. */

import {
  BadRequestError,
  HeadParser,
  pathOf,
  type RequestHead,
} from "../../lib/http/request_head.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { feedAtEverySplit } from "../helpers/split.ts";

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** The head that `text` starts with, and the bytes after it. */
function parse(text: string): Plain & { readonly rest: string } {
  const bytes = latin1(text);
  const parsed = new HeadParser().push(bytes);
  if (parsed === null) throw new Error("The head is not complete");
  return { ...plain(parsed.head), rest: String.fromCharCode(...bytes.subarray(parsed.used)) };
}

interface Plain extends Omit<RequestHead, "headers"> {
  readonly headers: string[];
}

function plain(head: RequestHead): Plain {
  return { ...head, headers: [...head.headers].map(([name, value]) => `${name}=${value}`) };
}

Deno.test("HeadParser reads a head however it is split", () => {
  const text = "GET /live/show.flv?token=1 HTTP/1.1\r\nHost: edge.example:8080\r\n" +
    "X-Two:  a\t\r\nx-two: b\r\n\r\n";
  const head = feedAtEverySplit(latin1(text), (chunks) => {
    const parser = new HeadParser();
    for (const chunk of chunks) {
      const parsed = parser.push(chunk);
      if (parsed !== null) return plain(parsed.head);
    }
    return null;
  });
  assertEquals(head, {
    method: "GET",
    url: "http://edge.example:8080/live/show.flv?token=1",
    headers: ["host=edge.example:8080", "x-two=a, b"],
    isHttp10: false,
    isKept: true,
    hasBody: false,
    readBytes: 0,
  });
});

Deno.test("HeadParser takes the host of a whole address, not that of the header", () => {
  for (
    const [target, host] of [
      ["http://a.example/live/show.flv", "a.example"],
      ["HTTP://a.example:8080?x=@b", "a.example:8080"],
      ["http://me:secret@a.example/", "a.example"],
      ["http://[2001:db8::1]:80/", "[2001:db8::1]:80"],
    ]
  ) {
    const { headers } = parse(`GET ${target} HTTP/1.1\r\nHost: b.example\r\n\r\n`);
    assertEquals(headers, [`host=${host}`], target);
  }
});

const BODIES: readonly (readonly [head: string, readBytes: number])[] = [
  ["POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9", 9],
  ["DELETE / HTTP/1.1\r\nContent-Type: Application/JSON; charset=utf-8\r\nContent-Length: 9", 9],
  ["POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 16384", 16_384],
  ["POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 16385", 0],
  ["POST / HTTP/1.1\r\nContent-Type: application/jsonp\r\nContent-Length: 9", 0],
  ["POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 9", 0],
  ["POST / HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked", 0],
  ["GET / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9", 0],
];

for (const [head, readBytes] of BODIES) {
  Deno.test(`HeadParser: of the body of ${JSON.stringify(head)}, ${readBytes} bytes are read`, () => {
    assertEquals(parse(`${head}\r\nHost: x\r\n\r\n`).readBytes, readBytes);
  });
}

Deno.test("HeadParser leaves what follows the head", () => {
  const head = "DELETE /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
  const { hasBody, rest } = parse(`${head}bodyGET /b HTTP/1.1\r\n`);
  assertEquals([hasBody, rest], [true, "bodyGET /b HTTP/1.1\r\n"]);
});

const HEADS = [
  {
    what: "a lone line end before it",
    text: "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    expected: {},
  },
  { what: "lines that end with LF", text: "GET / HTTP/1.1\nHost: x\n\n", expected: {} },
  {
    what: "the whole address",
    text: "GET http://a.example/b?c HTTP/1.1\r\nHost: x\r\n\r\n",
    expected: { url: "http://a.example/b?c" },
  },
  {
    what: "two slashes",
    text: "GET //a.example/b HTTP/1.1\r\nHost: x\r\n\r\n",
    expected: { url: "http://x//a.example/b" },
  },
  {
    what: "an IPv6 host",
    text: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    expected: { url: "http://[::1]:80/" },
  },
  {
    what: "HTTP/1.0",
    text: "GET / HTTP/1.0\r\n\r\n",
    expected: { url: "http://localhost/", isHttp10: true, isKept: false },
  },
  {
    what: "HTTP/1.0 with keep-alive",
    text: "GET / HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n",
    expected: { isHttp10: true },
  },
  {
    what: "a last request",
    text: "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    expected: { isKept: false },
  },
  {
    what: "an empty body",
    text: "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    expected: {},
  },
  {
    what: "a body in chunks",
    text: "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    expected: { hasBody: true },
  },
  {
    what: "a body in two codings",
    text:
      "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: Chunked\r\n\r\n",
    expected: { hasBody: true },
  },
  {
    what: "headers without a blank, without a value, and with many blanks",
    text: "GET / HTTP/1.1\r\nHost:x\r\nA:\r\nContent-Length: \t 5 \t \r\n\r\n",
    expected: { hasBody: true },
  },
  {
    // 0x8A and 0x8D are line ends if only seven bits count.
    what: "bytes beyond ASCII",
    text: "GET /\x8d\x8a HTTP/1.1\r\nHost: x\r\nA: \x8aForged: 1\r\n\r\n",
    expected: { url: "http://x/\x8d\x8a" },
  },
] as const;

for (const { what, text, expected } of HEADS) {
  Deno.test(`HeadParser reads ${what}`, () => {
    const { headers: _, rest, ...head } = parse(text);
    const usual = {
      ...{ method: "GET", url: "http://x/", isHttp10: false, isKept: true, hasBody: false },
      readBytes: 0,
    };
    assertEquals(head, { ...usual, ...expected });
    assertEquals(rest, "");
  });
}

Deno.test("HeadParser keeps the upper bit of a header's bytes", () => {
  const { headers } = parse("GET / HTTP/1.1\r\nHost: x\r\nA: \x8aForged: 1\r\n\r\n");
  assertEquals(headers, ["a=\x8aForged: 1", "host=x"]);
});

const BAD = [
  ["text that is not HTTP", "hello\r\n\r\n", 400],
  ["a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400],
  ["an unknown method", "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["HTTP/2", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400],
  ["HTTP/2 with its preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["a tunnel", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", 501],
  ["TRACE", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501],
  ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["no host beside the whole address", "GET http://x/ HTTP/1.1\r\n\r\n", 400],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["a host with a path", "GET / HTTP/1.1\r\nHost: a/b?\r\n\r\n", 400],
  ["a host with a password", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400],
  ["an invalid host", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", 400],
  ["an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["an invalid header name", "GET / HTTP/1.1\r\nHost: x\r\nA(b): 1\r\n\r\n", 400],
  ["a header with a zero byte", "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400],
  ["a line end in a header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400],
  ["two lengths", "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
] as const;

/** What is no header, or gives the body no clear end: RFC 9112, sections 5.1, 5.2 and 6.3. */
const BAD_LINES = [
  "Content-Length : 31",
  "Content-Length\t: 31",
  "Transfer-Encoding : chunked",
  "Host : y",
  "Content-Length 31",
  "Content-Length",
  ": 31",
  ":",
  " : 31",
  " A: 1",
  "\tA: 1",
  "B: 1\r\n continued",
  "B: 1\r\n\tContent-Length: 31",
  " ",
  "A B: 1",
  "A\0: 1",
  "A\x8a: 1",
  '"A": 1',
  "Content-Length: -1",
  "Content-Length: +31",
  "Content-Length: 0x1f",
  "Content-Length: 3 1",
  "Content-Length: 31,31",
  "Content-Length: 31\r\nContent-Length: 31",
  "Content-Length: 1e3",
  "Content-Length:",
  "Content-Length: 31\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nContent-Length: 0",
  "Transfer-Encoding: chunked, x",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding:",
];

for (const line of BAD_LINES) {
  for (
    const [where, before, after] of [["first", "", "Host: x\r\n"], ["last", "Host: x\r\n", ""]]
  ) {
    Deno.test(`HeadParser refuses ${JSON.stringify(line)} as the ${where} header`, () => {
      const text = `GET / HTTP/1.1\r\n${before}${line}\r\n${after}\r\n`;
      const error = assertThrows(() => new HeadParser().push(latin1(text)), BadRequestError);
      assertEquals(error.status, 400);
    });
  }
}

for (const target of ["/a\tb", "/a\rb", "/a\0b", "/a\x7fb", "http://x/a\tb"]) {
  Deno.test(`HeadParser refuses the target ${JSON.stringify(target)}`, () => {
    const text = `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
    assertThrows(() => new HeadParser().push(latin1(text)), BadRequestError);
  });
}

for (const [what, text, status] of BAD) {
  Deno.test(`HeadParser refuses ${what}`, () => {
    const error = assertThrows(() => new HeadParser().push(latin1(text)), BadRequestError);
    assertEquals(error.status, status);
  });
}

for (const what of ["a path", "a header", "headers"] as const) {
  Deno.test(`HeadParser refuses ${what} beyond 32 KiB`, () => {
    const parser = new HeadParser();
    const starts = { "a path": "GET /", "a header": "GET / HTTP/1.1\r\nA: ", headers: "" };
    const more = what === "headers" ? "Abc: d\r\n".repeat(125) : "a".repeat(1000);
    parser.push(latin1(what === "headers" ? "GET / HTTP/1.1\r\n" : starts[what]));
    const error = assertThrows(() => {
      for (let at = 0; at < 34; at++) parser.push(latin1(more));
    }, BadRequestError);
    assertEquals(error.status, 431);
  });
}

for (
  const [url, path] of [
    ["http://x/a/b?c=/d", "/a/b"],
    ["http://x/../%2e?c", "/../%2e"],
    ["http://x", "/"],
    ["http://x/", "/"],
    ["http://a b/c?/", "/c"],
  ] as const
) {
  Deno.test(`pathOf() finds the path of ${url}`, () => assertEquals(pathOf(url), path));
}
