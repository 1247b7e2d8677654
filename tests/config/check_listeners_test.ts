import { assertEquals } from "../helpers/assert.ts";
import { load, problemsOf } from "./helpers.ts";

const VHOST = "vhost v { }";

const WRONG: readonly { what: string; text: string; problems: readonly string[] }[] = [
  {
    what: "HTTP on the port of RTMP",
    text: `listen 1935 [::]:1936;\nhttp_server { enabled on; listen 1936; }\n` +
      `http_api { enabled on; listen 127.0.0.1:1935; }\n${VHOST}`,
    problems: [
      "x.conf:2:34: http_server and RTMP both listen on port 1936: " +
      "write another port after listen in http_server",
      "x.conf:3:31: http_api and RTMP both listen on port 1935: " +
      "write another port after listen in http_api",
    ],
  },
  {
    what: "RTMP on the default port of HTTP",
    text: `listen 8080;\nhttp_server { enabled on; }\n${VHOST}`,
    problems: [
      "x.conf:2:1: http_server and RTMP both listen on port 8080: " +
      "write another port after listen in http_server",
    ],
  },
  {
    what: "API and files on one port at addresses that one listener cannot tell apart",
    text: "listen 1935;\nhttp_api { enabled on; listen 10.0.0.1:8080; " +
      "auth { enabled on; username a; password b; } }\n" +
      `http_server { enabled on; listen 8080; }\n${VHOST}`,
    problems: [
      "x.conf:3:34: http_api and http_server share port 8080 at different addresses: " +
      "write the same address in both, or give one of them another port",
    ],
  },
  {
    what: "API and files on one port with several workers",
    text: "listen 1935; workers 2;\nhttp_api { enabled on; listen 127.0.0.1:8080; }\n" +
      `http_server { enabled on; listen 8080; }\n${VHOST}`,
    problems: [
      "x.conf:3:34: http_api and http_server share port 8080, which several workers cannot serve: " +
      "give one of them another port, or write workers 1;",
    ],
  },
];

for (const { what, text, problems } of WRONG) {
  Deno.test(`parseConfig() reports ${what}`, () => {
    assertEquals(problemsOf(text), problems);
  });
}

const RIGHT: readonly string[] = [
  "listen 1935 [::]:1935 127.0.0.1:1935;",
  "listen 1935 :1936;",
  "listen 127.0.0.1:1935; http_server { enabled on; listen [::1]:1935; }",
  "listen 1935; http_server { listen 1935; }",
  "listen 1935; workers 2; http_api { listen 8080; } http_server { enabled on; listen 8080; }",
  "listen 1935; http_api { enabled on; listen 127.0.0.1:80; } " +
  "http_server { enabled on; listen 80 [::]:80; }",
];

for (const text of RIGHT) {
  Deno.test(`parseConfig() accepts the listeners of ${text}`, () => {
    assertEquals(load(`${text} ${VHOST}`).warnings, []);
  });
}
