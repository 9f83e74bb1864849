import { proxyActivities } from '@temporalio/workflow';
import type { JanitorActivities } from '../activities/janitor.ts';
import type { JanitorInput, JanitorResult } from './types.ts';

const { sweep_repository, sweep_instances, sweep_logs } = proxyActivities<JanitorActivities>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 3 },
});

/** Removes what crashes left: only what names a closed execution of this platform and is older than the grace period. */
export async function janitor(input: JanitorInput): Promise<JanitorResult> {
  const now = new Date().toISOString();
  const results: JanitorResult[] = [];
  for (const sweep of [sweep_repository, sweep_instances, sweep_logs]) {
    try {
      results.push(await sweep({ ...input, now }));
    } catch (error) {
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      results.push({ removed: [], problems: [cause instanceof Error ? cause.message : String(cause)] });
    }
  }
  return {
    removed: results.flatMap((result) => result.removed),
    problems: results.flatMap((result) => result.problems),
  };
}
