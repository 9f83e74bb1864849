import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type CheckFinding, problem } from './check-finding.ts';
import { checkFolder, type FolderContext } from './check-folder.ts';
import { checkObject, RevisionGaps } from './check-object.ts';
import { newestEpoch } from './epochs.ts';
import { byFolder } from './folders.ts';
import { layout } from './layout.ts';
import { lookaheadOf } from './lookahead.ts';
import { tombstonedIds } from './marks.ts';
import { isMarkOfOne } from './mirroring.ts';
import type { Repository } from './repository.ts';
import { sampleOf } from './sample.ts';

/** Objects that are read at a time. */
const READS = 8;

/** A backup that the check has met, and whose manifest is good: what is compared between repositories. */
export interface SeenBackup {
  instanceId: string;
  /** Its name and its instance's, for people. */
  label: string;
  sha256: string;
  finishedAt: string;
  parentId: string | null;
  parentSha256: string | null;
}

/** What of a repository is to be compared with its copies. */
export interface Seen {
  backups: Map<string, SeenBackup>;
  tombstoned: ReadonlySet<string>;
  /** Keys of revisions, and of marks that every copy is to have, with the time of the store. */
  documents: Map<string, Date>;
}

export type Sample = { percent: number } | { number: number };

export interface CheckOptions {
  /** A copy has epochs of its own, which say nothing of those in manifests. */
  isCopy: boolean;
  /** Read, unseal and decompress the data of all backups, or of some. */
  data: Sample | null;
  /** What is younger may be work that is under way. */
  now: Date;
  signal: AbortSignal;
  /** Lines for who waits. */
  onProgress?: ((line: string) => void) | undefined;
}

/** Milliseconds: what is younger, and in no manifest, is taken for work that is under way. */
const YOUNG = 3600_000;

/**
 * Reads everything in a repository: its document, epochs, the registry and its revisions, every manifest with its
 * signature, the presence and the size of every object, every mark's signature, and whatever is there and has no reason
 * to be. Yields what is wrong, a line each. One list is gone through, and what is held of it does not grow with the
 * number of objects.
 * @param seen filled on the way
 * @throws whatever the store throws, when it does not answer
 */
export async function* checkRepository(
  repository: Repository,
  seen: Seen,
  options: CheckOptions,
): AsyncGenerator<CheckFinding, void, void> {
  const { store, trusted } = repository;
  seen.tombstoned = await tombstonedIds(store);
  const unfinished = new Map<string, number>();
  for await (const { key, begun } of store.listUnfinished('')) {
    if (options.now.getTime() - begun.getTime() < YOUNG) continue;
    const folder = key.startsWith(layout.backups) ? key.split('/').slice(0, 3).join('/') : key;
    unfinished.set(folder, (unfinished.get(folder) ?? 0) + 1);
  }
  const epoch = (await newestEpoch(store))?.epoch ?? null;
  if (epoch === null) yield problem(layout.epochs, 'nobody owns this repository: it has no epoch');
  const context: FolderContext = {
    repository,
    seen,
    epoch: options.isCopy ? null : epoch,
    before: new Date(options.now.getTime() - YOUNG),
  };
  const gaps = new RevisionGaps();
  let read = 0;
  const all = lookaheadOf(byFolder(store.list('')), READS, async (item) => {
    options.signal.throwIfAborted();
    if ('folder' in item) return checkFolder(context, item.folder);
    gaps.add(item.object.key);
    remember(seen, item.object);
    return checkObject(store, trusted, item.object.key);
  });
  for await (const findings of all) {
    yield* findings;
    read += 1;
    if (read % 100 === 0) options.onProgress?.(`${read} backups and documents looked at`);
  }
  yield* gaps.findings();
  yield* parents(seen);
  for (const [key, number] of unfinished) {
    yield problem(key, `${number} unfinished writes that nobody goes on with: \`backupctl janitor-run\``);
  }
  if (options.data !== null) yield* checkData(repository, seen, options.data, options);
}

/** A backup without what it is built on cannot be restored. */
function* parents(seen: Seen): Generator<CheckFinding> {
  for (const [id, { instanceId, parentId, parentSha256, label }] of seen.backups) {
    if (parentId === null) continue;
    const key = layout.manifest(instanceId, id);
    const parent = seen.backups.get(parentId);
    if (parent === undefined)
      yield problem(key, `${label} is built on backup ${parentId}, which is not here`);
    else if (parent.sha256 !== parentSha256) {
      yield problem(key, `${label} is built on another manifest of backup ${parentId} than the one here`);
    }
  }
}

async function* checkData(
  repository: Repository,
  seen: Seen,
  sample: Sample,
  { signal, onProgress }: CheckOptions,
): AsyncGenerator<CheckFinding, void, void> {
  const whole = [...seen.backups].filter(([id]) => !seen.tombstoned.has(id));
  const chosen = sampleOf(whole, sample);
  for (const [index, [backupId, { instanceId }]] of chosen.entries()) {
    signal.throwIfAborted();
    onProgress?.(`data of backup ${index + 1} of ${chosen.length}`);
    try {
      for await (const found of repository.verify({ instanceId, backupId }, { data: true, signal })) {
        // What is missing was said before.
        if (!isOfPresence(found.problem)) yield problem(found.key, found.problem);
      }
    } catch (error) {
      // Deleted meanwhile.
      if (error instanceof BackupctlError && error.code === 'not-found') continue;
      if (error instanceof BackupctlError && error.code === 'credentials') throw error;
      yield problem(layout.manifest(instanceId, backupId), messageOf(error));
    }
  }
  if (chosen.length < whole.length) {
    const text = `the data of ${chosen.length} of ${whole.length} backups was read`;
    yield { key: '', problem: text, level: 'note' };
  }
}

function isOfPresence(text: string): boolean {
  return (
    text === 'is missing' ||
    text === 'is not listed in the manifest' ||
    /^has \d+ bytes where the manifest says \d+$/.test(text)
  );
}

function remember(seen: Seen, { key, modified }: { key: string; modified: Date }): void {
  const isRevision = [layout.instances, layout.schedules, layout.workbooks].some((at) => key.startsWith(at));
  const isMark = key.startsWith(layout.marks) && !isMarkOfOne(key);
  if (isRevision || isMark) seen.documents.set(key, modified);
}
