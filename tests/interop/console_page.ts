/** A browser with the console page in it. */

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { assertEquals } from "../helpers/assert.ts";
import { until } from "../helpers/until.ts";

/** Nothing but the page: no start page, no updates, no sandbox for tests that run as root. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

/** Longest wait for anything in the page. */
export const PAGE_TIMEOUT_MS = 30_000;

/** See the file comment. */
export class ConsolePage implements AsyncDisposable {
  readonly page: Page;
  /** What the page complained about. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #requests: URL[] = [];

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`${error}`));
    page.on("request", (request) => this.#requests.push(new URL(request.url())));
  }

  /** Starts a browser with no past and opens `url` in it. */
  static async open(url: string, options: BrowserContextOptions = {}): Promise<ConsolePage> {
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
    try {
      const size = { width: 1440, height: 1000 };
      const opened = new ConsolePage(
        browser,
        await browser.newPage({ viewport: size, ...options }),
      );
      await opened.page.goto(url);
      return opened;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Waits for the status at the top of the page. */
  async untilStatus(text: "Live" | "Paused" | "Not reachable"): Promise<void> {
    await this.page.locator("#status", { hasText: text }).waitFor();
  }

  /** Value of an expression in the page. */
  async read<T>(expression: string): Promise<T> {
    return await this.page.evaluate(expression) as T;
  }

  /** Waits until an expression in the page is true. */
  async until(expression: string): Promise<void> {
    // Not the library's own way, which the page's content policy forbids.
    await until(expression, () => this.read<boolean>(expression), { timeoutMs: PAGE_TIMEOUT_MS });
  }

  /** @throws {Error} when the page asked another host for anything */
  assertStayedHome(): void {
    const hosts = new Set(this.#requests.map(({ hostname }) => hostname));
    assertEquals([...hosts].filter((host) => host !== "127.0.0.1" && host !== ""), []);
  }

  /** @throws {Error} when the page complained */
  assertQuiet(): void {
    assertEquals(this.complaints, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
