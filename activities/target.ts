import type { Target } from '../engines/engine.ts';
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
