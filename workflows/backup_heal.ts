import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type { HealingActivities } from '../activities/healing.ts';
import { asExecution, type Ending, executionId } from './execution.ts';
import { failureOf, wordsOf } from './failure.ts';
import type { BackupHealInput, ExecutionOutput, HealResult } from './types.ts';

const { heal_pin, heal_cleanup } = proxyActivities<HealingActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 5 },
});
const { heal_copy } = proxyActivities<HealingActivities>({
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '20 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 8 },
});

/**
 * Makes a backup right in every repository, or in one: what is wrong or missing there comes anew from a repository that
 * has it right. It succeeds where everything is right in the end; what could not be read or healed is named.
 */
export async function backup_heal(input: BackupHealInput): Promise<ExecutionOutput> {
  const { backup_id, instance_id } = input;
  return asExecution(
    {
      failed: 'Backup not healed',
      cancelled: 'Cancelled',
      facts: { backup_id },
      backupId: backup_id,
      instanceId: instance_id,
    },
    async (): Promise<Ending> => {
      const ref = () => ({ ...input, execution_id: executionId(), now: new Date().toISOString() });
      try {
        const results: HealResult[] = [];
        const unread: { copy: string; code: string; problem: string }[] = [];
        for (const target of await heal_pin(ref())) {
          try {
            results.push(await heal_copy({ ...ref(), target }));
          } catch (error) {
            if (isCancellation(error)) throw error;
            const { code, error: problem } = wordsOf(error);
            unread.push({ copy: target, code, problem });
          }
        }
        return ending(results, unread);
      } finally {
        await CancellationScope.nonCancellable(async () => {
          try {
            await heal_cleanup(ref());
          } catch {
            // A pin of a workflow that is over counts no more.
          }
        });
      }
    },
  );
}

function ending(
  results: readonly HealResult[],
  unread: readonly { copy: string; code: string; problem: string }[],
): Ending {
  const objects = results.flatMap(({ copy, objects: found }) => found.map((object) => ({ copy, ...object })));
  const unhealed = objects.filter(({ from }) => from === null);
  const output = {
    read: results.filter(({ absent }) => !absent).map(({ copy }) => copy),
    absent: results.filter(({ absent }) => absent).map(({ copy }) => copy),
    objects,
    unread: unread.map(({ copy, problem }) => ({ copy, problem })),
  };
  if (unhealed.length > 0) {
    const named = unhealed.map(({ copy, key, reason }) => `${copy}: ${key}: ${reason}`);
    const more = named.length > 3 ? ` and ${named.length - 3} more` : '';
    throw failureOf({ code: 'corrupt', error: `${named.slice(0, 3).join('; ')}${more}`, output });
  }
  const [first] = unread;
  if (first !== undefined) {
    const error = unread.map(({ copy, problem }) => `${copy}: ${problem}`).join('; ');
    throw failureOf({ code: first.code, error, output });
  }
  const status = objects.length === 0 ? 'Nothing to heal' : 'Backup healed';
  return { state: 'SUCCESS', output: { status, ...output } };
}
