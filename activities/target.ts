import type { Target } from '../engines/engine.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { ActivityDeps } from './deps.ts';

/** An instance by id or exact name. @throws BackupctlError not-found */
export function findInstance(deps: ActivityDeps, idOrName: string): Promise<InstanceRecord> {
  return deps.repository.instance(idOrName);
}

/** What an engine needs to reach an instance. The password is opened here, in the activity that needs it. */
export async function targetOf(
  deps: ActivityDeps,
  record: InstanceRecord,
): Promise<{ target: Target; warnings: string[] }> {
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
