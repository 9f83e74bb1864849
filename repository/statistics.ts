import { BackupctlError } from '../errors/backupctl-error.ts';
import { readManifest, type SignedManifest } from './backups.ts';
import { type BackupFolder, byFolder, bytesOf } from './folders.ts';
import { layout } from './layout.ts';
import { lookaheadOf } from './lookahead.ts';
import type { Repository } from './repository.ts';

const READS = 8;

/** Sums over the backups of one instance in one repository. Bytes. */
export interface InstanceStatistics {
  instanceId: string;
  instanceName: string;
  backups: number;
  /** Before sealing: compressed. */
  plainBytes: number;
  /** What the store holds of them. */
  sealedBytes: number;
  oldest: Date | null;
  newest: Date | null;
  /** Backups whose deletion has begun, and what is still stored of them. */
  tombstoned: number;
  tombstonedBytes: number;
  /** Backups whose manifest cannot be believed, and what is stored of them. */
  damaged: number;
  damagedBytes: number;
  /** What is stored and in no manifest: runs that are under way, and what the janitor removes. */
  unnamedBytes: number;
}

/**
 * Sizes of a repository by instance, sorted by name. One list of the backups is gone through, and one folder held at a
 * time.
 * @param options.tombstoned backups that were deleted: for a copy, also those of which only the first repository knows
 */
export async function statisticsOf(
  repository: Repository,
  options: { tombstoned: ReadonlySet<string>; signal: AbortSignal; onProgress?: (folders: number) => void },
): Promise<InstanceStatistics[]> {
  const names = new Map((await repository.instances()).map(({ id, name }) => [id, name]));
  const rows = new Map<string, InstanceStatistics>();
  const folders = lookaheadOf(byFolder(repository.store.list(layout.backups)), READS, async (item) => {
    options.signal.throwIfAborted();
    if (!('folder' in item)) return null;
    return { folder: item.folder, found: await manifestOf(repository, item.folder) };
  });
  let seen = 0;
  for await (const next of folders) {
    if (next === null) continue;
    const { folder, found } = next;
    const row = rows.get(folder.instanceId) ?? empty(folder.instanceId);
    rows.set(folder.instanceId, row);
    add(row, folder, found, options.tombstoned.has(folder.backupId));
    seen += 1;
    if (seen % 100 === 0) options.onProgress?.(seen);
  }
  for (const [id, name] of names) {
    const row = rows.get(id) ?? empty(id);
    row.instanceName = name;
    rows.set(id, row);
  }
  return [...rows.values()].sort((a, b) =>
    a.instanceName < b.instanceName ? -1 : a.instanceName > b.instanceName ? 1 : 0,
  );
}

function add(
  row: InstanceStatistics,
  folder: BackupFolder,
  found: SignedManifest | 'damaged' | null,
  isTombstoned: boolean,
): void {
  const stored = bytesOf(folder.objects.values());
  if (isTombstoned) {
    row.tombstoned += 1;
    row.tombstonedBytes += stored;
  } else if (found === null) row.unnamedBytes += stored;
  else if (found === 'damaged') {
    row.damaged += 1;
    row.damagedBytes += stored;
  } else {
    const { manifest, sha256 } = found;
    const { instance, id } = manifest;
    row.backups += 1;
    row.plainBytes += manifest.plain_size;
    row.sealedBytes += manifest.sealed_size;
    const at = new Date(manifest.finished_at);
    if (row.oldest === null || at < row.oldest) row.oldest = at;
    if (row.newest === null || at >= row.newest) {
      row.newest = at;
      row.instanceName = instance.name;
    }
    const own = [
      layout.manifest(instance.id, id),
      layout.signature(instance.id, id, sha256),
      ...manifest.objects.map(({ key }) => key),
    ];
    const named = own.reduce((sum, key) => sum + (folder.objects.get(key)?.size ?? 0), 0);
    row.unnamedBytes += stored - named;
  }
}

async function manifestOf(
  repository: Repository,
  folder: BackupFolder,
): Promise<SignedManifest | 'damaged' | null> {
  try {
    return await readManifest(repository.store, repository.trusted, folder);
  } catch (error) {
    if (!(error instanceof BackupctlError) || (error.code !== 'corrupt' && error.code !== 'unsupported'))
      throw error;
    return 'damaged';
  }
}

function empty(instanceId: string): InstanceStatistics {
  return {
    instanceId,
    instanceName: instanceId,
    backups: 0,
    plainBytes: 0,
    sealedBytes: 0,
    oldest: null,
    newest: null,
    tombstoned: 0,
    tombstonedBytes: 0,
    damaged: 0,
    damagedBytes: 0,
    unnamedBytes: 0,
  };
}
