import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** A log file of bounded size: when it is full, it becomes `<name>.1` (over the last one), and a new one begins. */
export class BoundedLog {
  readonly #path: string;
  readonly #limit: number;
  #file: number;
  #size: number;
  #tail = '';
  #closed = false;

  /** @param limit bytes of one file; on disk there are at most two */
  constructor(path: string, limit = 8 * 1024 * 1024) {
    this.#path = path;
    this.#limit = limit;
    this.#file = openSync(path, 'a', 0o600);
    this.#size = statSync(path).size;
  }

  /** Everything that the stream gives goes to the log, until it ends. */
  take(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => this.write(chunk));
    stream.on('error', () => undefined);
  }

  write(chunk: Buffer): void {
    this.#tail = (this.#tail + chunk.toString('utf8')).slice(-4000);
    // The last words of a program may come after its end.
    if (this.#closed) return;
    try {
      if (this.#size + chunk.length > this.#limit) this.#turn();
      this.#size += writeSync(this.#file, chunk);
    } catch {
      // A full disk must not end the platform because of its log.
    }
  }

  /** The last lines, for an error's message. */
  lastLines(count: number): string[] {
    return this.#tail.trimEnd().split('\n').slice(-count);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
  }

  #turn(): void {
    closeSync(this.#file);
    renameSync(this.#path, `${this.#path}.1`);
    this.#file = openSync(this.#path, 'w', 0o600);
    this.#size = 0;
  }
}
