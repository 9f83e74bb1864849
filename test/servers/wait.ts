import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds after which waiting fails. Default 30,000. */
  timeout?: number;
  /** Milliseconds between two looks. Default 50. */
  interval?: number;
  /** What is waited for, as it should read after "timed out waiting for". */
  what: string;
}

/**
 * Waits until `condition` gives something other than undefined, null or false, and returns it. A condition that throws
 * is asked again; the last thing it threw is the cause of the error at the end of the time.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: UntilOptions,
): Promise<Exclude<T, undefined | null | false>> {
  const timeout = options.timeout ?? 30_000;
  const end = performance.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`timed out after ${timeout} ms waiting for ${options.what}${why}`, { cause: last });
    }
    await sleep(options.interval ?? 50);
  }
}
