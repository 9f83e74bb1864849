import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './world.ts';

/** How long a fault waits for its victim to appear, in milliseconds. */
const usualPatience = 4_000;

/** Asks until there is an answer, or it has waited long enough: then null. */
export async function soon<T>(
  look: () => T | null | Promise<T | null>,
  patience = usualPatience,
): Promise<T | null> {
  const end = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > end) return null;
    await sleep(20);
  }
}

/** The process below the platform that has this name; null where none has by the end of our patience. */
export function victim(world: World, name: string, patience = usualPatience): Promise<number | null> {
  return soon(() => {
    for (const pid of below(world.platform.pid)) if (nameOf(pid) === name) return pid;
    return null;
  }, patience);
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

/** All processes below one, by what the kernel keeps for each of its threads: far cheaper than a look at every process. */
export function below(pid: number): number[] {
  let children: number[] = [];
  try {
    children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // It has ended.
  }
  return children.flatMap((child) => [child, ...below(child)]);
}
