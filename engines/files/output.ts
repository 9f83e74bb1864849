import { writeFileSync, writeSync } from 'node:fs';

/** Writes to a descriptor in large pieces, waiting for room: for a process that has nothing else to do. */
export class Output {
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafeSlow(256 * 1024);
  #held = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(bytes: Buffer): void {
    if (this.#held + bytes.length > this.#buffer.length) this.flush();
    if (bytes.length >= this.#buffer.length / 2) {
      writeAll(this.#descriptor, bytes);
      return;
    }
    bytes.copy(this.#buffer, this.#held);
    this.#held += bytes.length;
  }

  /** A text and a line feed. */
  writeLine(text: string): void {
    if (this.#held + 3 * text.length + 1 > this.#buffer.length) this.flush();
    if (3 * text.length + 1 > this.#buffer.length) {
      this.write(Buffer.from(`${text}\n`));
      return;
    }
    this.#held += this.#buffer.write(`${text}\n`, this.#held);
  }

  flush(): void {
    writeAll(this.#descriptor, this.#buffer.subarray(0, this.#held));
    this.#held = 0;
  }
}

/** What a program of ours found, for who started it. */
export function writeReport(path: string, report: unknown): void {
  writeFileSync(path, JSON.stringify(report), { mode: 0o600 });
}

/** Waits for room. */
export function writeAll(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
