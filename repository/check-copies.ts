import type { Seen } from './check.ts';
import type { CheckFinding } from './check-finding.ts';
import { primaryName } from './copies.ts';
import { layout } from './layout.ts';

/** A finding, and the repository that it is about. */
export interface CopyFinding extends CheckFinding {
  copy: string;
}

/** Milliseconds for which something may be on its way to a copy. */
const ON_ITS_WAY = 3600_000;

/**
 * What one repository has and another one lacks: backups, what was deleted and is still there, revisions and marks.
 * Where some could not be read, the others are compared with each other.
 */
export function* compareCopies(
  read: ReadonlyMap<string, Seen>,
  now: Date,
): Generator<CopyFinding, void, void> {
  if (read.size < 2) return;
  const reference = read.get(primaryName) ?? null;
  const ids = new Set([...read.values()].flatMap(({ backups }) => [...backups.keys()]));
  for (const id of [...ids].sort()) yield* compareBackup(id, read, reference, now);
  if (reference !== null) yield* compareDocuments(read, reference, now);
}

function* compareBackup(
  id: string,
  read: ReadonlyMap<string, Seen>,
  reference: Seen | null,
  now: Date,
): Generator<CopyFinding> {
  const holders = [...read].filter(([, seen]) => seen.backups.has(id));
  const first = (reference?.backups.get(id) ?? holders[0]?.[1].backups.get(id)) || null;
  if (first === null) return;
  const key = layout.manifest(first.instanceId, id);
  const tombstoned = (reference === null ? [...read.values()] : [reference]).some((seen) =>
    seen.tombstoned.has(id),
  );
  const isYoung = now.getTime() - Date.parse(first.finishedAt) < ON_ITS_WAY;
  for (const [copy, seen] of read) {
    const here = seen.backups.get(id);
    if (tombstoned) {
      if (here !== undefined && reference !== null && seen !== reference && !reference.backups.has(id)) {
        const text = `${first.label} was deleted, and its bytes are still here: a debt that the janitor pays`;
        yield { copy, key, problem: text, level: 'note' };
      }
    } else if (here === undefined) {
      const where = holders.map(([name]) => name).join(', ');
      const text = `${first.label} is missing here; it is in ${where}`;
      yield { copy, key, problem: text, level: isYoung ? 'note' : 'problem' };
    } else if (here.sha256 !== first.sha256) {
      const text = `${first.label} has another manifest here than in ${holders[0]?.[0]}`;
      yield { copy, key, problem: text, level: 'problem' };
    }
  }
}

function* compareDocuments(
  read: ReadonlyMap<string, Seen>,
  reference: Seen,
  now: Date,
): Generator<CopyFinding> {
  for (const [copy, seen] of read) {
    if (seen === reference) continue;
    for (const prefix of [layout.instances, layout.schedules, layout.workbooks, layout.marks]) {
      const missing = [...reference.documents].filter(
        ([key]) => key.startsWith(prefix) && !seen.documents.has(key),
      );
      if (missing.length === 0) continue;
      const isYoung = missing.every(([, modified]) => now.getTime() - modified.getTime() < ON_ITS_WAY);
      const noun = prefix === layout.marks ? 'mark' : 'revision';
      const what =
        missing.length === 1 ? `${noun} of the first repository is` : `${noun}s of the first repository are`;
      const text = `${missing.length} ${what} missing here, the first of them ${missing[0]?.[0]}`;
      yield { copy, key: prefix, problem: text, level: isYoung ? 'note' : 'problem' };
    }
  }
}
