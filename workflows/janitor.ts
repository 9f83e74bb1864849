import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { JanitorActivities } from '../activities/janitor.ts';
import { wordsOf } from './failure.ts';
import type { InstanceSweepResult, JanitorInput, JanitorResult } from './types.ts';

const options: ActivityOptions = {
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 3 },
};
const { sweep_repository, sweep_instances, sweep_logs } = proxyActivities<JanitorActivities>(options);

/** The same by the worker beside some instances; where there is none now, the next hour's sweep asks again. */
const sweepBeside = (taskQueue: string) =>
  proxyActivities<JanitorActivities>({ ...options, taskQueue, scheduleToStartTimeout: '2 minutes' })
    .sweep_instances;

/** Removes what crashes left: only what names a closed execution of this platform and is older than the grace period. */
export async function janitor(input: JanitorInput): Promise<JanitorResult> {
  const request = { ...input, now: new Date().toISOString() };
  const results: JanitorResult[] = [];
  const attempt = async <R extends JanitorResult>(sweep: () => Promise<R>, of = ''): Promise<R | null> => {
    try {
      const result = await sweep();
      results.push(result);
      return result;
    } catch (error) {
      results.push({ removed: [], problems: [`${of}${wordsOf(error).error}`] });
      return null;
    }
  };
  await attempt(() => sweep_repository(request));
  const here: InstanceSweepResult | null = await attempt(() => sweep_instances(request));
  await attempt(() => sweep_logs(request));
  const beside = here?.elsewhere ?? [];
  await Promise.all(
    beside.map((queue) => attempt(() => sweepBeside(queue)(request), `task queue ${queue}: `)),
  );
  return {
    removed: results.flatMap((result) => result.removed),
    kept: results.flatMap((result) => result.kept ?? []),
    problems: results.flatMap((result) => result.problems),
  };
}
