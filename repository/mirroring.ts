import { createOrRecognise, listAll } from './documents.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import type { Store } from './store.ts';

const SIDE_BY_SIDE = 8;

/**
 * Marks of one repository alone: whoever works on a backup pins it in the first one, and what was read and found whole
 * or broken are the bytes of the repository in which that is said.
 */
const ofOne = /-(pin|unpin|verified|broken)\.json$/;

/** Whether a mark stays in the repository in which it was made, so that no other one lacks it. */
export function isMarkOfOne(key: string): boolean {
  return ofOne.test(key);
}

export interface Mirrored {
  /** Objects that were written. */
  written: number;
  /** Keys under which the copy has other bytes. Nothing is ever replaced. */
  different: string[];
}

/** Copies the marks of a backup (or of all, without one), each byte by byte, where they are not there yet. */
export async function mirrorMarks(from: Store, to: Store, backupId?: string): Promise<Mirrored> {
  const prefix = backupId === undefined ? layout.marks : layout.marksOf(backupId);
  return mirror(from, to, prefix, (key) => !isMarkOfOne(key));
}

/** Copies every revision of one instance: who has a backup alone is to know what it is of, and restore into it. */
export async function mirrorInstance(from: Store, to: Store, instanceId: string): Promise<Mirrored> {
  return mirror(from, to, `${layout.instances}${instanceId}/`, () => true);
}

/** Copies every revision of instances, schedules and workbooks, each byte by byte, where they are not there yet. */
export async function mirrorRevisions(from: Store, to: Store): Promise<Mirrored> {
  const all: Mirrored = { written: 0, different: [] };
  for (const prefix of [layout.instances, layout.schedules, layout.workbooks]) {
    const { written, different } = await mirror(from, to, prefix, () => true);
    all.written += written;
    all.different.push(...different);
  }
  return all;
}

async function mirror(
  from: Store,
  to: Store,
  prefix: string,
  isWanted: (key: string) => boolean,
): Promise<Mirrored> {
  const [here, there] = await Promise.all([listAll(from, prefix), listAll(to, prefix)]);
  const known = new Set(there.map(({ key }) => key));
  const missing = here.map(({ key }) => key).filter((key) => !known.has(key) && isWanted(key));
  const outcome: Mirrored = { written: 0, different: [] };
  const writes = lookahead(missing, SIDE_BY_SIDE, async (key) => ({
    key,
    result: await createOrRecognise(to, key, await from.read(key)),
  }));
  for await (const { key, result } of writes) {
    if (result === null) outcome.different.push(key);
    else outcome.written += 1;
  }
  return outcome;
}
