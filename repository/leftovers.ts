import type { BackupPlace } from './backups.ts';
import { listAll } from './documents.ts';
import { layout } from './layout.ts';
import { removeObject } from './removal.ts';
import type { Store, UnfinishedWrite } from './store.ts';

const objectKey = /^backups\/([0-9a-f-]{36})\/([0-9a-f-]{36})\/(?:manifest\.json|data\/([^/]+)\/.+|.+)$/;
const logKey = /^executions\/([0-9a-f-]{36})\/log\/[0-9]+\.ndjson$/;

/**
 * Backups with something that no manifest names, all of it older than an instant: objects without a manifest, several
 * attempts, drafts, unfinished uploads. Whether somebody still works on one is the caller's to find out.
 * @throws whatever a listing throws: an incomplete list must not look like a short one
 */
export async function leftovers(store: Store, { before }: { before: Date }): Promise<BackupPlace[]> {
  const found = new Map<
    string,
    BackupPlace & {
      attempts: Set<string>;
      committed: boolean;
      drafts: number;
      unfinished: number;
      newest: number;
    }
  >();
  const at = (key: string) => {
    const [, instanceId, backupId, attempt] = objectKey.exec(key) ?? [];
    if (instanceId === undefined || backupId === undefined) return null;
    const entry = found.get(backupId) ?? {
      instanceId,
      backupId,
      attempts: new Set<string>(),
      committed: false,
      drafts: 0,
      unfinished: 0,
      newest: 0,
    };
    found.set(backupId, entry);
    if (attempt !== undefined) entry.attempts.add(attempt);
    return entry;
  };
  for (const { key, modified } of await listAll(store, layout.backups)) {
    const entry = at(key);
    if (entry === null) continue;
    entry.newest = Math.max(entry.newest, modified.getTime());
    if (key === layout.manifest(entry.instanceId, entry.backupId)) entry.committed = true;
    if (key.endsWith('/draft.json.zst.age')) entry.drafts += 1;
  }
  for await (const { key, begun } of store.listUnfinished(layout.backups)) {
    const entry = at(key);
    if (entry === null) continue;
    entry.newest = Math.max(entry.newest, begun.getTime());
    entry.unfinished += 1;
  }
  return [...found.values()]
    .filter(({ newest }) => newest <= before.getTime())
    .filter((found) => !found.committed || found.attempts.size > 1 || found.unfinished + found.drafts > 0)
    .map(({ instanceId, backupId }) => ({ instanceId, backupId }));
}

/** Where nothing is but small documents, each written at once. */
const documents = [
  layout.executions,
  layout.marks,
  layout.instances,
  layout.schedules,
  layout.workbooks,
  layout.values,
  layout.epochs,
  layout.copies,
];

/**
 * Writes of small documents that were begun before an instant and never ended: a writer that was killed in between. Those
 * of backups are among the {@link leftovers}.
 */
export async function unfinishedDocuments(
  store: Store,
  { before }: { before: Date },
): Promise<UnfinishedWrite[]> {
  const found: UnfinishedWrite[] = [];
  for (const prefix of documents) {
    for await (const write of store.listUnfinished(prefix)) if (write.begun < before) found.push(write);
  }
  return found;
}

/** Executions whose log is still in pieces, none of them younger than an instant. */
export async function unfinishedLogs(store: Store, { before }: { before: Date }): Promise<string[]> {
  const newest = new Map<string, number>();
  for (const { key, modified } of await listAll(store, layout.executions)) {
    const id = logKey.exec(key)?.[1];
    if (id !== undefined) newest.set(id, Math.max(newest.get(id) ?? 0, modified.getTime()));
  }
  return [...newest].filter(([, time]) => time <= before.getTime()).map(([id]) => id);
}

/** Removes the draft of a committed attempt, as soon as the store lets us: its manifest says all that it said. */
export async function removeDraft(store: Store, place: BackupPlace, attemptId: string): Promise<void> {
  const key = `${layout.attempt(place.instanceId, place.backupId, attemptId)}draft.json.zst.age`;
  await removeObject(store, key, null);
}
