import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from '../../test/servers/process.ts';
import type { World } from './world.ts';

/** How long a fault waits for its victim to appear, in milliseconds. */
const patience = 4_000;

/** Asks until there is an answer, or it has waited long enough: then null. */
export async function soon<T>(look: () => T | null | Promise<T | null>): Promise<T | null> {
  const end = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > end) return null;
    await sleep(15);
  }
}

/** The process below the platform that has this name; null where none has by the end of our patience. */
export function victim(world: World, name: string): Promise<number | null> {
  return soon(async () => {
    for (const pid of await descendants(world.platform.pid)) if (nameOf(pid) === name) return pid;
    return null;
  });
}

export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Sends a signal. @returns whether there was somebody to take it */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
