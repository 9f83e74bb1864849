import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext } from '../engine.ts';

/**
 * Runs the body with a signal that is aborted when nothing has moved for the run's stall limit.
 * @param sign something that changes while work goes on
 * @throws BackupctlError unavailable then; else what the body throws
 */
export async function unlessStalled<T>(
  run: RunContext,
  sign: () => Promise<string>,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { stallSeconds } = run;
  if (stallSeconds === undefined) return body(run.signal);
  const stop = new AbortController();
  let last = await sign();
  let since = performance.now();
  const look = async () => {
    const now = await sign().catch(() => last);
    if (now !== last) since = performance.now();
    last = now;
    if (performance.now() - since < stallSeconds * 1000) return;
    stop.abort(new BackupctlError('unavailable', `nothing has moved for ${stallSeconds} s`));
  };
  const timer = setInterval(() => void look(), Math.min(5_000, (stallSeconds * 1000) / 4));
  try {
    return await body(AbortSignal.any([run.signal, stop.signal]));
  } catch (error) {
    if (stop.signal.aborted && !run.signal.aborted) throw stop.signal.reason;
    throw error;
  } finally {
    clearInterval(timer);
  }
}
