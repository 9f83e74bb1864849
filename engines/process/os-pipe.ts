import { closeSync, constants, openSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from './child.ts';

let counter = 0;

/**
 * A pipe of the kernel between two children, with no byte of it in this process. Node has no pipe(2), so it is a fifo
 * whose name is gone at once. As descriptor 0, 1 or 2 of a child it blocks, as programs expect (libuv sees to that); as a
 * higher one, let the program open `/dev/fd/N`, which makes a descriptor of its own.
 */
export class OsPipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  #open = true;

  private constructor(readEnd: number, writeEnd: number) {
    this.readEnd = readEnd;
    this.writeEnd = writeEnd;
  }

  /** @param scratch a private directory */
  static async create(scratch: string): Promise<OsPipe> {
    counter += 1;
    const path = join(scratch, `pipe-${process.pid}-${counter}`);
    await runToEnd({ name: 'mkfifo', command: 'mkfifo', args: ['-m', '600', path] });
    // Without O_NONBLOCK the first open would wait for the second.
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return new OsPipe(readEnd, openSync(path, constants.O_WRONLY));
    } catch (error) {
      closeSync(readEnd);
      throw error;
    } finally {
      await unlink(path);
    }
  }

  /** To be called once the children have their ends: a reader sees the end only when no writer is left. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.readEnd);
    closeSync(this.writeEnd);
  }
}
