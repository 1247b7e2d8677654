import type { PublishAnswer } from "./vhost_service.ts";

/** Those who wait for a sign of life of the publisher that feeds a stream. */
export class Vouching {
  readonly #denials = new Set<() => void>();

  /** Calls `answer` when `publisher` gives one; `deny` when it leaves, or is away before. */
  ask(publisher: PublishAnswer, answer: () => void, deny: () => void): void {
    this.#denials.add(deny);
    const settle = (tell: () => void) => () => {
      if (this.#denials.delete(deny)) tell();
    };
    publisher.probe(settle(answer), settle(deny));
  }

  /** The publisher is away. */
  denyAll(): void {
    const denials = [...this.#denials];
    this.#denials.clear();
    for (const deny of denials) deny();
  }
}
