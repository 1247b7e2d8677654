import { assertEquals } from "../helpers/assert.ts";
import { ConfigError, describeConfigProblem } from "../../lib/base/errors.ts";
import type { Directive } from "../../lib/config/directive.ts";
import { ProblemList } from "../../lib/config/problem_list.ts";
import { lexSrs } from "../../lib/config/srs_lexer.ts";
import { parseSrs, type ReadFile } from "../../lib/config/srs_parser.ts";
import { readFrom } from "./helpers.ts";

interface Parsed {
  readonly tree: readonly Directive[];
  readonly problems: readonly string[];
}

function parse(text: string, readFile: ReadFile = readFrom(), file = "x.conf"): Parsed {
  const problems = new ProblemList(file);
  const tree = parseSrs(text, file, { readFile, problems });
  return { tree, problems: describe(problems) };
}

function describe(problems: ProblemList): string[] {
  try {
    return problems.warningsOrThrow().map(describeConfigProblem);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeConfigProblem);
    throw error;
  }
}

/** Formats the tree in one line: `name(arg,arg){children}`. */
function outline(tree: readonly Directive[]): string {
  return tree.map(({ name, args, children }) => {
    const words = args.length > 0 ? `(${args.map((word) => word.text).join(",")})` : "";
    return name + words + (children ? `{${outline(children)}}` : "");
  }).join(" ");
}

const ACCEPTED: readonly (readonly [text: string, outline: string])[] = [
  ["", ""],
  ["# OK", ""],
  ["winlin;", "winlin"],
  ["winlin arg0;", "winlin(arg0)"],
  ["winlin arg0 arg1 arg2{dir0;}", "winlin(arg0,arg1,arg2){dir0}"],
  ["winlin a {dir0 b {ddir0 c;}}", "winlin(a){dir0(b){ddir0(c)}}"],
  ["winlin a b{dir;}", "winlin(a,b){dir}"],
  ["dir0 arg0;dir1 {dir2 arg2;}", "dir0(arg0) dir1{dir2(arg2)}"],
  ['dir0 arg0 "str_arg space" 100;', "dir0(arg0,str_arg space,100)"],
  ["dir0 'a;b{c#d';", "dir0(a;b{c#d)"],
  [`dir0 "it's";`, "dir0(it's)"],
  ['dir0 a "" b;', "dir0(a,b)"],
  ['dir0 a"b" c\'d;', `dir0(a"b",c'd)`],
  ['dir0 "a"{dir1;}', "dir0(a){dir1}"],
  ["#c\ndir0 arg0;#inline\n#end", "dir0(arg0)"],
  ["dir0 {#c\n}#d", "dir0{}"],
  [
    "dir0 http://www.ossrs.net/api/v1/versions?level=major;",
    "dir0(http://www.ossrs.net/api/v1/versions?level=major)",
  ],
  ["dir0 http://x/#y;", "dir0(http://x/#y)"],
  [
    "dir0 rtmp://[server]:[port]/[app]/[stream]_[engine];",
    "dir0(rtmp://[server]:[port]/[app]/[stream]_[engine])",
  ],
  ["dir0 {}", "dir0{}"],
  ["dir0 {\r\n\tdir1 a;\r\n}\r\n", "dir0{dir1(a)}"],
  ["a}b a};", "a}b(a})"],
  ["dir0 a;dir0 b;", "dir0(a) dir0(b)"],
  ["\rdir0;\r", "dir0"],
];

for (const [text, expected] of ACCEPTED) {
  Deno.test(`parseSrs() accepts ${JSON.stringify(text)}`, () => {
    const { tree, problems } = parse(text);
    assertEquals(problems, []);
    assertEquals(outline(tree), expected);
  });
}

const ONE_LINE = 'write the whole directive on one line and end it with ";"';
const REJECTED: readonly (readonly [text: string, ...problems: string[]])[] = [
  ["dir0", `x.conf:1:5: File ends before the ";" or "{" of "dir0": ${ONE_LINE}`],
  ["dir0 {", 'x.conf:1:1: Block "dir0" is not closed: add a "}"'],
  ["dir0 {} dir1 {", 'x.conf:1:9: Block "dir1" is not closed: add a "}"'],
  [
    "dir0 }",
    `x.conf:1:5: Block ends before the ";" or "{" of "dir0": ${ONE_LINE}`,
    'x.conf:1:6: Unexpected "}": remove it, or open a block before it',
  ],
  ["}", 'x.conf:1:1: Unexpected "}": remove it, or open a block before it'],
  [";", 'x.conf:1:1: Unexpected ";": remove it, or write a directive before it'],
  ["{}", 'x.conf:1:1: Unexpected "{": write the block\'s name before it'],
  ["include;", 'x.conf:1:1: "include" names no file: write "include FILE;"'],
  [
    "include a {}",
    'x.conf:1:11: Unexpected "{" after "include": name the files and end with ";"',
  ],
  [
    "include\ntest;",
    `x.conf:1:8: Line ends before the ";" or "{" of "include": ${ONE_LINE}`,
    'x.conf:2:1: Cannot include "test": there is no such file: ' +
    "correct the path; it is relative to the working directory",
  ],
  ["dir0 \narg0;", `x.conf:1:5: Line ends before the ";" or "{" of "dir0": ${ONE_LINE}`],
  [
    "dir0 arg0\n;",
    'x.conf:1:10: Line ends before the ";" or "{" of "dir0": write the ";" on this line',
  ],
  [
    "dir0 \n { dir1 arg1; }",
    'x.conf:1:5: Line ends before the ";" or "{" of "dir0": write the "{" on this line',
  ],
  [
    "dir0 arg0;dir1\n arg1;",
    `x.conf:1:15: Line ends before the ";" or "{" of "dir1": ${ONE_LINE}`,
  ],
  [
    "dir0 a # c\ndir1 b;",
    `x.conf:1:7: Line ends before the ";" or "{" of "dir0": ${ONE_LINE}`,
  ],
  [
    'dir0 "a"b;',
    'x.conf:1:9: Unexpected "b" right after a closing quote: write a space or ";" between them',
  ],
  [
    `dir0 'a'};`,
    'x.conf:1:9: Unexpected "}" right after a closing quote: write a space or ";" between them',
    `x.conf:1:9: Block ends before the ";" or "{" of "dir0": ${ONE_LINE}`,
    'x.conf:1:9: Unexpected "}": remove it, or open a block before it',
    'x.conf:1:10: Unexpected ";": remove it, or write a directive before it',
  ],
  [
    'dir0 "a;\ndir1;',
    'x.conf:1:6: Quote " is not closed on its line: write a second " at the end of the text',
  ],
];

for (const [text, ...expected] of REJECTED) {
  Deno.test(`parseSrs() rejects ${JSON.stringify(text)}`, () => {
    assertEquals(parse(text).problems, expected);
  });
}

Deno.test("parseSrs() reports a directive broken by a lone CR on its line", () => {
  assertEquals(parse("\n\ndir0 \rarg0;").problems, [
    `x.conf:3:5: Line ends before the ";" or "{" of "dir0": ${ONE_LINE}`,
  ]);
});

Deno.test("parseSrs() reports each mistake of a file once", () => {
  const text = "a 1\n\n\nb 2;\n;\nc {\n  d 3\n  e 4;\n}\n}\nf";
  assertEquals(parse(text).problems.map((line) => line.slice(0, line.indexOf(": "))), [
    "x.conf:1:4",
    "x.conf:5:1",
    "x.conf:7:6",
    "x.conf:10:1",
    "x.conf:11:2",
  ]);
  assertEquals(outline(parse(text).tree), "a(1) b(2) c{d(3) e(4)} f");
});

Deno.test("parseSrs() drops a block without a name and continues after it", () => {
  assertEquals(outline(parse("{ a; } b;").tree), "b");
});

Deno.test("parseSrs() records line and column of names and words", () => {
  assertEquals(parse("\n\ndir0 {}").tree[0]?.line, 3);
  const [dir0] = parse("dir0 {\n\n dir1  arg0 'a b';}").tree;
  const dir1 = dir0?.children?.[0];
  assertEquals([dir0?.line, dir0?.column], [1, 1]);
  assertEquals([dir1?.line, dir1?.column], [3, 2]);
  assertEquals(dir1?.args, [
    { text: "arg0", file: "x.conf", line: 3, column: 8 },
    { text: "a b", file: "x.conf", line: 3, column: 13 },
  ]);
});

Deno.test("lexSrs() skips a byte order mark at the start of the file", () => {
  const problems = new ProblemList("x.conf");
  const tokens = lexSrs("\uFEFFa;", "x.conf", problems);
  assertEquals(tokens.map(({ kind, text, column }) => [kind, text, column]), [
    ["word", "a", 1],
    [";", ";", 2],
    ["end", "end", 3],
  ]);
});

Deno.test("parseSrs() includes files at the top and in a block", () => {
  const files = readFrom({ "a.conf": "a 1;", "b.conf": "b { c 2; }", "empty.conf": "" });
  const { tree, problems } = parse(
    "x;include a.conf empty.conf b.conf; y { include a.conf; }",
    files,
  );
  assertEquals(problems, []);
  assertEquals(outline(tree), "x a(1) b{c(2)} y{a(1)}");
  assertEquals([tree[1]?.file, tree[1]?.line], ["a.conf", 1]);
});

Deno.test("parseSrs() looks for an include next to the including file when the working directory lacks it", () => {
  const files = readFrom({
    "conf/inner.conf": "beside;",
    "both.conf": "cwd;",
    "conf/both.conf": "no;",
  });
  const { tree, problems } = parse("include inner.conf both.conf;", files, "conf/x.conf");
  assertEquals(problems, []);
  assertEquals(outline(tree), "beside cwd");
  assertEquals(tree[0]?.file, "conf/inner.conf");
});

Deno.test("parseSrs() names both paths of a missing include", () => {
  assertEquals(parse("include a.conf;", readFrom(), "conf/x.conf").problems, [
    'conf/x.conf:1:9: Cannot include "a.conf": there is no such file and no "conf/a.conf": ' +
    "correct the path; it is relative to the working directory",
  ]);
});

Deno.test("parseSrs() looks for an absolute include only at its path", () => {
  const asked: string[] = [];
  parse("include /etc/a.conf;", (path) => (asked.push(path), undefined), "conf/x.conf");
  assertEquals(asked, ["/etc/a.conf"]);
});

Deno.test("parseSrs() reports why an include cannot be read", () => {
  const deny: ReadFile = () => {
    throw new Error("permission denied");
  };
  assertEquals(parse("include a.conf;", deny).problems, [
    'x.conf:1:9: Cannot include "a.conf": permission denied: make the file readable',
  ]);
});

Deno.test("parseSrs() reports a file that includes itself", () => {
  assertEquals(parse("include x.conf;", readFrom({ "x.conf": "include x.conf;" })).problems, [
    'x.conf:1:9: File "x.conf" includes itself: remove this include, or the one that leads to it',
  ]);
});

Deno.test("parseSrs() reports an include cycle of several files with different spellings", () => {
  const files = readFrom({ "d/a.conf": "include ./d/../x.conf;", "./d/../x.conf": "a;" });
  assertEquals(parse("include d/a.conf;", files).problems, [
    'd/a.conf:1:9: File "./d/../x.conf" includes itself: ' +
    "remove this include, or the one that leads to it",
  ]);
});

Deno.test("parseSrs() lets two blocks include the same file", () => {
  const { tree, problems } = parse("a { include p; } b { include p; }", readFrom({ p: "c;" }));
  assertEquals(problems, []);
  assertEquals(outline(tree), "a{c} b{c}");
});

Deno.test("parseSrs() does not let an included file close the block of the including one", () => {
  const { tree, problems } = parse("a { include p; b; }", readFrom({ p: "c; }" }));
  assertEquals(problems, ['p:1:4: Unexpected "}": remove it, or open a block before it']);
  assertEquals(outline(tree), "a{c b}");
});

Deno.test("parseSrs() lists problems of the main file before those of included files", () => {
  const { problems } = parse("include b a;\n;", readFrom({ a: ";", b: ";" }));
  assertEquals(problems.map((line) => line.slice(0, line.indexOf(": "))), [
    "x.conf:2:1",
    "a:1:1",
    "b:1:1",
  ]);
});
