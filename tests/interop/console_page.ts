import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { assertEquals } from "../helpers/assert.ts";
import { until } from "../helpers/until.ts";

/** No start page, no updates, and no sandbox, since tests may run as root. */
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

/** A browser showing the console page. */
export class ConsolePage implements AsyncDisposable {
  readonly page: Page;
  /** Warnings and errors in the page's console, and uncaught errors. */
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

  /** Opens `url` in a new browser with an empty profile. */
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
  async untilStatus(text: "Live" | "Paused" | "Unreachable" | "Logged out"): Promise<void> {
    await this.page.locator("#status", { hasText: text }).waitFor();
  }

  /** Evaluates an expression in the page. */
  async read<T>(expression: string): Promise<T> {
    return await this.page.evaluate(expression) as T;
  }

  /** Waits until an expression in the page is true. */
  async until(expression: string): Promise<void> {
    // Playwright's own waiting needs eval, which the page's content policy forbids.
    await until(expression, () => this.read<boolean>(expression), { timeoutMs: PAGE_TIMEOUT_MS });
  }

  /** @throws {Error} if the page sent a request to another host */
  assertOnlyOwnHost(): void {
    const hosts = new Set(this.#requests.map(({ hostname }) => hostname));
    assertEquals([...hosts].filter((host) => host !== "127.0.0.1" && host !== ""), []);
  }

  /** @throws {Error} if the page logged a warning or an error */
  assertNoComplaints(): void {
    assertEquals(this.complaints, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
