import type { BackupDeleteInput } from '../workflows/types.ts';
import { CopyDeletion } from './copy-deletion.ts';
import type { ActivityDeps } from './deps.ts';
import { isRunning } from './executions.ts';
import { withFailures } from './failure.ts';

export type DeletionActivities = ReturnType<typeof createDeletionActivities>;

export function createDeletionActivities(deps: ActivityDeps) {
  const copyDeletion = new CopyDeletion(deps);
  return withFailures({
    /**
     * Sets the tombstone; the janitor removes the bytes once the grace period is over.
     * @throws refused: a restore or copy works on it, another backup needs it, it is held
     */
    async tombstone(input: BackupDeleteInput & { now: string }): Promise<void> {
      await deps.repository.tombstone({
        instanceId: input.instance_id,
        backupId: input.backup_id,
        at: new Date(input.now),
        by: input.by,
        platformId: deps.platformId,
        isHolderAlive: (holder) => isRunning(deps.temporal, holder),
      });
      await copyDeletion.announce(input.backup_id);
    },

    /**
     * Takes a deletion back.
     * @throws refused: the removal has begun, nothing deleted it, or what it is built on is deleted as well
     */
    async undelete(input: BackupDeleteInput & { now: string }): Promise<void> {
      await deps.repository.undelete({
        instanceId: input.instance_id,
        backupId: input.backup_id,
        at: new Date(input.now),
        by: input.by,
        platformId: deps.platformId,
      });
      await copyDeletion.announce(input.backup_id);
    },
  });
}
