import { setTimeout as delay } from 'node:timers/promises';
import { BackupctlError } from '../errors/backupctl-error.ts';

export interface UntilOptions {
  /** Milliseconds; default ten seconds. */
  timeout?: number;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called with a line of words from two seconds on. */
  onProgress?: ((line: string) => void) | undefined;
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
  const what = options.what ?? 'the list to show the change';
  for (let pause = 5; ; pause = Math.min(500, pause * 1.6)) {
    if (await look()) return;
    const waited = performance.now() - begun;
    if (waited > (options.timeout ?? 10_000)) {
      throw new BackupctlError('unavailable', `waited ${Math.round(waited / 1000)} s for ${what}`, {
        hint: "the change is made; Temporal's visibility store lags behind",
      });
    }
    if (waited > 2_000) options.onProgress?.(`waiting for ${what}, ${Math.round(waited / 1000)} s so far`);
    await delay(pause, undefined, { signal: options.signal });
  }
}
