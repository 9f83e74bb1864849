import type { RestoredDatabase, RestoreRequest, Target } from '../engines/engine.ts';
import { factsOf } from '../engines/registry.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { ActivityDeps } from './deps.ts';
import { readable } from './reading.ts';

/** An instance by id or exact name; while the first repository is away, as a copy knows it. @throws BackupctlError not-found */
export async function findInstance(deps: ActivityDeps, idOrName: string): Promise<InstanceRecord> {
  const found = await (await readable(deps)).instance(idOrName);
  deps.instanceNames.set(found.id, found.name);
  return found;
}

/**
 * Sees that this worker may read what a backup of an instance reads of its disk.
 * @throws BackupctlError refused
 */
export async function checkReadable(
  deps: ActivityDeps,
  record: Pick<InstanceRecord, 'engine' | 'url'>,
): Promise<void> {
  for (const path of await directoriesOf(record)) await deps.checkDirectoryAllowed(path, 'backup');
}

/**
 * Sees that this worker may write where a restore goes to on its disk.
 * @param request of the restore; null where its result says where it went
 * @throws BackupctlError refused
 */
export async function checkWritable(
  deps: ActivityDeps,
  record: Pick<InstanceRecord, 'engine' | 'url'>,
  request: Pick<RestoreRequest, 'toDirectory'> | null,
  restored: readonly Pick<RestoredDatabase, 'target'>[] = [],
): Promise<void> {
  const ofInstance = await directoriesOf(record);
  const named = request?.toDirectory === undefined ? [] : [request.toDirectory];
  const told = ofInstance.length === 0 ? [] : restored.map(({ target }) => target);
  const paths = [...named, ...told];
  for (const path of paths.length > 0 ? paths : ofInstance) await deps.checkDirectoryAllowed(path, 'restore');
}

async function directoriesOf({ engine, url }: Pick<InstanceRecord, 'engine' | 'url'>): Promise<string[]> {
  return (await factsOf(engine)).directoriesIn?.(url) ?? [];
}

/**
 * What an engine needs to reach an instance. The password is opened here, in the activity that needs it.
 * @throws BackupctlError refused for a file or variable that this worker's configuration does not allow
 */
export async function targetOf(
  deps: ActivityDeps,
  record: InstanceRecord,
): Promise<{ target: Target; warnings: string[] }> {
  for (const file of (await factsOf(record.engine)).filesIn(record.url)) await deps.checkFileAllowed(file);
  const secret = record.password === null ? null : await deps.resolveSecret(record.password);
  return {
    target: {
      instanceId: record.id,
      instanceName: record.name,
      url: record.url,
      password: secret?.value ?? null,
    },
    warnings: secret?.warnings ?? [],
  };
}
