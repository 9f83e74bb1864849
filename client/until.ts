import { setTimeout as delay } from 'node:timers/promises';
import { BackupctlError } from '../errors/backupctl-error.ts';

export interface UntilOptions {
  /** Milliseconds; default ten seconds. */
  timeout?: number;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each look that found it not so yet, with the milliseconds since the start. */
  onWait?: ((waited: number) => void) | undefined;
  /** What is waited for, for the error. */
  what?: string;
}

/**
 * Looks again and again until something is so: at once, then with growing pauses of at most half a second.
 * Temporal's lists follow its facts after some milliseconds; what one command did, the next one has to see.
 * @throws BackupctlError unavailable when the time is up
 */
export async function until(look: () => Promise<boolean>, options: UntilOptions = {}): Promise<void> {
  const begun = performance.now();
  for (let pause = 5; ; pause = Math.min(500, pause * 1.6)) {
    if (await look()) return;
    const waited = performance.now() - begun;
    if (waited > (options.timeout ?? 10_000)) {
      const what = options.what ?? 'the list to show the change';
      throw new BackupctlError('unavailable', `waited ${Math.round(waited / 1000)} s for ${what}`, {
        hint: "the change is made; Temporal's visibility store lags behind",
      });
    }
    options.onWait?.(waited);
    await delay(pause, undefined, { signal: options.signal });
  }
}
