import { readFile } from 'node:fs/promises';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext } from '../engine.ts';
import type { Child } from '../process/child.ts';

/** By what it is seen that work goes on. */
export interface Signs {
  /** Bytes went in. */
  moved(bytes: number): void;
  /** Programs whose use of the processor counts too: one file of a terabyte takes long without a byte from us. */
  watch(children: readonly Child[]): void;
}

/**
 * Runs the body with a signal that is aborted when for the run's stall limit no byte has gone in and the programs have
 * used no time of the processor (as far as the system tells it: on Linux).
 * @throws BackupctlError unavailable then; else what the body throws
 */
export async function unlessStalled<T>(
  run: RunContext,
  body: (signal: AbortSignal, signs: Signs) => Promise<T>,
): Promise<T> {
  const { stallSeconds } = run;
  let bytes = 0;
  let children: readonly Child[] = [];
  const signs: Signs = {
    moved: (more) => {
      bytes += more;
    },
    watch: (those) => {
      children = those;
    },
  };
  if (stallSeconds === undefined) return body(run.signal, signs);
  const stop = new AbortController();
  let last = '';
  let since = performance.now();
  const look = async () => {
    const now = `${bytes} ${await Promise.all(children.map(({ pid }) => processorTime(pid)))}`;
    if (now !== last) since = performance.now();
    last = now;
    if (performance.now() - since < stallSeconds * 1000) return;
    stop.abort(new BackupctlError('unavailable', `nothing has moved for ${stallSeconds} s`));
  };
  const timer = setInterval(() => void look(), Math.min(5_000, stallSeconds * 250));
  try {
    return await body(AbortSignal.any([run.signal, stop.signal]), signs);
  } catch (error) {
    if (stop.signal.aborted && !run.signal.aborted) throw stop.signal.reason;
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** In ticks of the system; empty where it is not told. */
async function processorTime(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'latin1');
    // Behind the name, which may hold anything: fields 14 and 15 of proc(5).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return `${fields[11]}+${fields[12]}`;
  } catch {
    return '';
  }
}
