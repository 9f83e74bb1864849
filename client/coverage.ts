import { factsOf } from '../engines/registry.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { Schedules } from './schedules.ts';
import type { InstanceCoverage } from './types.ts';

/**
 * What a backup of an instance will contain, and what not, in words: as its newest schedule takes it, where that one takes a
 * part only. Temporal need not answer: then it is the whole that is told, with a line that says so.
 * @throws BackupctlError unsupported
 */
export async function coverageOf(
  { id, engine, url }: Pick<InstanceRecord, 'id' | 'engine' | 'url'>,
  schedules: Schedules,
): Promise<InstanceCoverage> {
  const { coverage } = await factsOf(engine);
  let warning: string | null = null;
  const listed = await schedules.list(id).catch((error: unknown) => {
    if (!(error instanceof BackupctlError)) throw error;
    warning = `its schedules, which may take a part only, could not be asked: ${messageOf(error)}`;
    return [];
  });
  const newest = listed.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime())[0];
  const selection = newest?.input.selection ?? {};
  const narrows = newest !== undefined && Object.keys(selection).length > 0;
  return { schedule: narrows ? newest.name : null, ...coverage(url, selection), warning };
}
