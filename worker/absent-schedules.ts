import type { Client } from '@temporalio/client';
import type { Repository } from '../repository/repository.ts';
import { decodeScheduleCopy } from '../repository/schedule-copy.ts';
import { searchAttributes } from '../workflows/types.ts';

/**
 * How many schedules the repository has a copy of, while Temporal has none at all: its database was lost, or made anew.
 * Null where that is not so. A schedule that is merely missing among others was deleted.
 */
export async function absentSchedules(client: Client, repository: Repository): Promise<number | null> {
  const query = `${searchAttributes.kind} IN ('backup', 'cron-trigger')`;
  for await (const _ of client.schedule.list({ query, pageSize: 1 })) return null;
  const { namespaceInfo } = await client.workflowService.describeNamespace({
    namespace: client.options.namespace,
  });
  let absent = 0;
  for (const revision of await repository.latestRevisions('schedules')) {
    try {
      const copy = decodeScheduleCopy(revision.key, await repository.readRevision(revision));
      if (!copy.deleted && copy.namespace_id !== namespaceInfo?.id) absent += 1;
    } catch {
      // `recover` names what is damaged.
    }
  }
  return absent === 0 ? null : absent;
}
