import { visible } from './visible.ts';

/** Shorter waits than this show nothing. */
const silentMilliseconds = 2000;

/** One line on standard error that is written over and over; nothing at all off a terminal. */
export class ProgressLine {
  readonly #enabled: boolean;
  readonly #since = Date.now();
  #shown = false;

  constructor(enabled = process.stderr.isTTY === true && process.env.TERM !== 'dumb') {
    this.#enabled = enabled;
  }

  show(text: string): void {
    if (!this.#enabled || Date.now() - this.#since < silentMilliseconds) return;
    const columns = process.stderr.columns ?? 80;
    process.stderr.write(`\r\u001b[K${visible(text).slice(0, columns - 1)}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}
