import { readFile } from 'node:fs/promises';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext } from '../engine.ts';

/** How long between two looks, at most, in milliseconds. */
const lookEvery = 5_000;

/**
 * Watches programs that may work for long without a byte, such as one that checks a file: they are at work as long as
 * they use the processor. Where none has, and none of our bytes has moved, for the stall limit, the signal is aborted.
 * Where the system does not tell (no `/proc`), only bytes count, and no limit is set without them.
 */
export class StallWatch {
  /** Aborted with the run, and for a stall. */
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #what: string;
  readonly #run: Pick<RunContext, 'signal' | 'stallSeconds' | 'working'>;
  readonly #timer: NodeJS.Timeout;
  #pids: readonly number[] = [];
  #used = '';
  #movedAt = performance.now();

  /** @param what for the message: `shop.db was filled` */
  constructor(what: string, run: Pick<RunContext, 'signal' | 'stallSeconds' | 'working'>) {
    this.#what = what;
    this.#run = run;
    this.signal = AbortSignal.any([run.signal, this.#abort.signal]);
    const half = (run.stallSeconds ?? Number.POSITIVE_INFINITY) * 500;
    this.#timer = setInterval(() => void this.#look(), Math.min(half, lookEvery));
  }

  /** The programs that work now. */
  watch(pids: readonly number[]): void {
    this.#pids = pids;
    this.moved();
  }

  moved(): void {
    this.#movedAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const used = (await Promise.all(this.#pids.map(processorTime))).join(' ');
    if (used !== this.#used) {
      this.#used = used;
      this.moved();
      this.#run.working?.();
      return;
    }
    const { stallSeconds } = this.#run;
    if (stallSeconds === undefined || !/\d/.test(used)) return;
    if (performance.now() - this.#movedAt < stallSeconds * 1000) return;
    this.#abort.abort(
      new BackupctlError('unavailable', `no byte moved for ${stallSeconds} s while ${this.#what}`, {
        hint: 'look whether the disk, the programs and the repository answer; it is tried again',
      }),
    );
  }
}

/** What a process has used of the processor so far; empty where nobody knows. */
async function processorTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? '' : `${fields[11]}+${fields[12]}`;
}
