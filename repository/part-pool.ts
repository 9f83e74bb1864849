/** Bytes of a part; S3 wants at least 5 MiB for all parts but the last, and allows 10,000 parts. */
export const PART_SIZE = 16 * 2 ** 20;

interface Waiter<T> {
  give: (value: T) => void;
}

/**
 * The buffers of all uploads of a process: their number and size are the memory that uploading takes, whatever the
 * size of a backup. Who needs one while none is free waits its turn, and so does the source behind it.
 *
 * An upload keeps at most one buffer to itself (the part that it fills, or holds back); all others are on their way
 * to the store, and come back. So there is no deadlock as long as there are no more uploads than buffers, which
 * {@link admit} sees to: it counts the uploads in.
 */
export class PartPool {
  /** Bytes of each buffer. */
  readonly size: number;
  readonly #free: Buffer[] = [];
  readonly #taken = new Set<Buffer>();
  readonly #count: number;
  readonly #waiters: Waiter<Buffer>[] = [];
  readonly #queue: Waiter<void>[] = [];
  #uploads = 0;

  /**
   * @param count - how many buffers, and with that, how many uploads at once.
   * @param size - bytes of each; they are allocated when first needed, and kept.
   */
  constructor(count = 6, size = PART_SIZE) {
    this.#count = count;
    this.size = size;
  }

  /** Waits until fewer uploads than buffers are under way, and counts one more. Each needs its {@link leave}. */
  async admit(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#uploads < this.#count) {
      this.#uploads += 1;
      return;
    }
    await turn(this.#queue, signal);
  }

  /** Counts an upload out. */
  leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#uploads -= 1;
    else next.give(undefined);
  }

  /** A buffer of {@link size} bytes with anything in it, in the order of the calls. Rejects when `signal` aborts. */
  async acquire(signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    const buffer =
      this.#free.pop() ?? (this.#taken.size < this.#count ? Buffer.allocUnsafeSlow(this.size) : undefined);
    if (buffer === undefined) return await turn(this.#waiters, signal);
    this.#taken.add(buffer);
    return buffer;
  }

  /** Gives a buffer back; it must not be touched any more. */
  release(buffer: Buffer): void {
    if (!this.#taken.has(buffer)) throw new Error('a part buffer was given back twice');
    const next = this.#waiters.shift();
    if (next !== undefined) {
      next.give(buffer);
      return;
    }
    this.#taken.delete(buffer);
    this.#free.push(buffer);
  }
}

/** Waits in a line; who aborts steps out of it. */
function turn<T>(line: Waiter<T>[], signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const waiter: Waiter<T> = {
      give: (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
    };
    const onAbort = () => {
      line.splice(line.indexOf(waiter), 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    line.push(waiter);
  });
}
