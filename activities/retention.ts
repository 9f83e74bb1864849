import { Context } from '@temporalio/activity';
import { messageOf } from '../errors/backupctl-error.ts';
import { completenessOf } from '../repository/completeness.ts';
import type { RetainResult } from '../workflows/types.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { isRunning } from './executions.ts';
import { withFailures } from './failure.ts';
import { openRunLog } from './run-log.ts';

export interface RetainInput {
  execution_id: string;
  instance_id: string;
  schedule_id: string;
  /** The backup that was just made. */
  backup_id: string;
  keep_last: number;
  /** The workflow's time. */
  now: string;
}

/** Tombstones of one run: a schedule that gets a rule late has thousands of backups to begin with. */
const most = 1000;

export type RetentionActivities = ReturnType<typeof createRetentionActivities>;

export function createRetentionActivities(deps: ActivityDeps) {
  const activities = {
    /** Begins the deletion of what a schedule's rule no longer wants; each in the log, with what stays and why. */
    async retain(input: RetainInput): Promise<RetainResult> {
      const name = deps.instanceNames.get(input.instance_id) ?? input.instance_id;
      const log = openRunLog(deps.repository, input.execution_id, 'retain');
      try {
        const { isComplete, unasked } = await completenessOf(deps.copies, input.instance_id);
        for (const { copy, reason } of unasked) {
          log.warn('a copy could not be asked, so what only it completes does not count', { copy, reason });
        }
        const outcome = await deps.repository.retain({
          isComplete,
          instanceId: input.instance_id,
          scheduleId: input.schedule_id,
          madeId: input.backup_id,
          rules: { keepLast: input.keep_last },
          by: input.execution_id,
          at: new Date(input.now),
          platformId: deps.platformId,
          isHolderAlive: (holder) => isRunning(deps.temporal, holder),
          most,
          signal: Context.current().cancellationSignal,
          onTombstoned: (backupId) => log.info('deletion of a backup begun', { backup_id: backupId }),
        });
        const { doubt, left } = outcome;
        for (const { id, reason } of outcome.held) log.info('kept', { backup_id: id, reason });
        if (doubt !== null) log.warn('nothing was removed', { reason: doubt });
        const numbers = {
          tombstoned: outcome.tombstoned.length,
          kept: outcome.wanted,
          held: outcome.held.length,
        };
        deps.metrics.retained(name, doubt === null ? 'success' : 'doubt', outcome.tombstoned.length);
        log.info('retention done', { keep_last: input.keep_last, ...numbers, left });
        return { ...numbers, doubt, left };
      } catch (error) {
        log.error(messageOf(error));
        deps.metrics.retained(name, 'failure', 0);
        throw error;
      } finally {
        await log.close();
      }
    },
  };
  return withFailures(beating(['retain'], activities));
}
