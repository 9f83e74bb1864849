import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { BackupEntry, BackupPlace, SignedManifest } from '../repository/backups.ts';
import { standing } from '../repository/marks.ts';
import type { Manifest, Mark, Repository } from '../repository/repository.ts';
import { type BackupRun, listBackupRuns, toRunningBackup } from './backup-runs.ts';
import { concurrently } from './concurrently.ts';
import type { Surroundings } from './surroundings.ts';
import type { Backup, BackupFilter, BackupPage } from './types.ts';

const DEFAULT_LIMIT = 100;

/**
 * A page of backups: those in the repository, and those that runs are making or failed to make. Both have ids that
 * sort by time, so the two lists are merged by id, newest first, and what a row needs is read for the page only. What
 * was deleted has left the list with its tombstone, though its bytes stay for the grace period; with `deleted` that is
 * what is listed.
 * Without Temporal the repository's are listed, with a warning.
 */
export async function listBackups(surroundings: Surroundings, filter: BackupFilter): Promise<BackupPage> {
  const { limit = DEFAULT_LIMIT, marker, datastore, deleted = false } = filter;
  const { deletionGrace: grace } = await surroundings.config();
  const warnings: string[] = [];
  const { repository } = await surroundings.reading();
  const [instances, tombstoned] = await Promise.all([
    repository.instances(({ problem }) => warnings.push(problem)),
    repository.tombstonedIds(),
  ]);
  const nameOf = (id: string) => instances.find((instance) => instance.id === id)?.name ?? id;
  const datastoreOf = (id: string) => instances.find((instance) => instance.id === id)?.engine ?? '';
  const instanceId = filter.instance === undefined ? null : await instanceIdOf(repository, filter.instance);
  // Runs make backups; none of them makes a deleted one.
  const runs = deleted ? [] : await runsOrWarning(surroundings, instanceId, warnings);

  type Row = { id: string; entry?: BackupEntry; run?: BackupRun; deletion: Backup['deletion'] };
  const rows: Row[] = [];
  const below = marker?.toLowerCase();
  const known = new Set<string>();
  for await (const entry of repository.backups(instanceId === null ? {} : { instanceId })) {
    const id = entry.manifest?.id ?? entry.damaged?.backupId ?? '';
    known.add(id);
    if (below !== undefined && id >= below) continue;
    const deletion = tombstoned.has(id) ? await deletionOf(repository, id, grace, warnings) : null;
    if ((deletion !== null) !== deleted) continue;
    if (datastore !== undefined && entry.manifest?.engine !== datastore) continue;
    rows.push({ id, entry, deletion });
    if (rows.length > limit) break;
  }
  const oldest = rows.length > limit ? rows.at(-1)?.id : undefined;
  const waiting = runs.filter(({ backupId, row }) => {
    if (known.has(backupId) || (below !== undefined && backupId >= below)) return false;
    if (oldest !== undefined && backupId < oldest) return false;
    const instance = row.typedSearchAttributes.get({ name: 'BackupctlInstance', type: 'KEYWORD' });
    return datastore === undefined || datastoreOf(String(instance)) === datastore;
  });
  rows.push(...waiting.map((run) => ({ id: run.backupId, run, deletion: null })));
  rows.sort((a, b) => (a.id < b.id ? 1 : -1));
  if (below !== undefined) await checkMarker(surroundings, repository, below, known, runs);

  const { openQuorum } = await import('./copy-states.ts');
  const isComplete = await openQuorum(surroundings);
  const page = rows.slice(0, limit);
  const items = await concurrently(page, 10, async ({ entry, run, deletion }) => {
    if (run !== undefined) {
      const link = await surroundings.temporal();
      const { error: _, ...backup } = await toRunningBackup(link, run, nameOf, datastoreOf);
      return backup;
    }
    if (entry?.manifest !== undefined) {
      return toBackup(entry, deletion, await isComplete(placeOf(entry.manifest)));
    }
    warnings.push(`backup ${entry?.damaged?.backupId} is damaged: ${entry?.damaged?.problem}`);
    return damagedBackup(entry, deletion, nameOf, datastoreOf);
  });
  items.reverse();
  return { items, nextMarker: rows.length > limit ? (items[0]?.id ?? null) : null, warnings };
}

/** What a tombstone says that is signed by whom we trust: a forged one hides nothing. */
async function deletionOf(
  repository: Repository,
  id: string,
  grace: number,
  warnings: string[],
): Promise<Backup['deletion']> {
  try {
    return toDeletion(await repository.marks(id), grace);
  } catch (error) {
    warnings.push(`the marks of backup ${id} cannot be believed: ${messageOf(error)}`);
    return null;
  }
}

/** @param grace seconds from the tombstone to the removal of the bytes */
export function toDeletion(marks: readonly Mark[], grace: number): Backup['deletion'] {
  const [tombstone] = standing(marks, 'tombstone');
  if (tombstone === undefined) return null;
  const at = new Date(tombstone.at);
  return { at, by: tombstone.by, removedAfter: new Date(at.getTime() + grace * 1000) };
}

function placeOf(manifest: Manifest): BackupPlace {
  return { instanceId: manifest.instance.id, backupId: manifest.id };
}

/** A backup that is in the repository. */
export function toBackup(
  { manifest }: SignedManifest,
  deletion: Backup['deletion'],
  isComplete: boolean,
): Backup {
  const status = isComplete ? 'COMPLETED' : 'COPYING';
  return {
    id: manifest.id,
    name: manifest.name,
    description: manifest.description,
    instanceId: manifest.instance.id,
    instanceName: manifest.instance.name,
    status: deletion === null ? status : 'DELETING',
    parentId: manifest.parent_id,
    datastore: manifest.engine,
    datastoreVersion: manifest.engine_version,
    size: manifest.sealed_size,
    createdAt: new Date(manifest.created_at),
    updatedAt: new Date(manifest.finished_at),
    executionId: manifest.execution_id,
    scheduleId: manifest.schedule_id,
    deletion,
    progress: null,
  };
}

/** One whose manifest cannot be believed: it stands in the list, since leaving it out would hide a loss. */
function damagedBackup(
  entry: BackupEntry | undefined,
  deletion: Backup['deletion'],
  nameOf: (id: string) => string,
  datastoreOf: (id: string) => string,
): Backup {
  const { backupId = '', instanceId = '' } = entry?.damaged ?? {};
  // The first 48 bits of a UUIDv7 are its milliseconds.
  const at = new Date(Number.parseInt(backupId.replaceAll('-', '').slice(0, 12), 16) || 0);
  return {
    id: backupId,
    name: '(damaged)',
    description: entry?.damaged?.problem ?? null,
    instanceId,
    instanceName: nameOf(instanceId),
    status: 'FAILED',
    parentId: null,
    datastore: datastoreOf(instanceId),
    datastoreVersion: null,
    size: null,
    createdAt: at,
    updatedAt: at,
    executionId: null,
    scheduleId: null,
    deletion,
    progress: null,
  };
}

/** Id of an instance, also of one that is no longer registered, but whose backups are still there. */
async function instanceIdOf(repository: Repository, idOrName: string): Promise<string> {
  try {
    return (await repository.instance(idOrName)).id;
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'not-found') throw error;
    for await (const { manifest } of repository.backups()) {
      if (manifest?.instance.id === idOrName.toLowerCase() || manifest?.instance.name === idOrName) {
        return manifest.instance.id;
      }
    }
    throw error;
  }
}

async function runsOrWarning(
  surroundings: Surroundings,
  instanceId: string | null,
  warnings: string[],
): Promise<BackupRun[]> {
  try {
    return await listBackupRuns(await surroundings.temporal(), instanceId);
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'unavailable') throw error;
    warnings.push(`backups that are being made are not shown: ${messageOf(error)}`);
    return [];
  }
}

/** A marker has to be of this list. @throws BackupctlError usage, not-found */
async function checkMarker(
  surroundings: Surroundings,
  repository: Repository,
  marker: string,
  known: ReadonlySet<string>,
  runs: BackupRun[],
): Promise<void> {
  if (known.has(marker) || runs.some(({ backupId }) => backupId === marker)) return;
  const { findBackupRun } = await import('./backup-runs.ts');
  const there = await repository.backup(marker).catch(() => null);
  const run = there ?? (await findBackupRun(await surroundings.temporal(), marker).catch(() => null));
  if (run !== null) {
    throw new BackupctlError('usage', `backup ${marker} is not one of this list`, {
      hint: 'use an id that the same list printed as the marker',
    });
  }
  throw new BackupctlError('not-found', `there is no backup ${marker}`, {
    hint: '`backupctl backup-list` shows those that exist',
  });
}
