import { proxyActivities } from '@temporalio/workflow';
import type { WorkbookActivities } from '../../activities/workbooks/action-run.ts';

// What somebody would write instead of the workbook, with Temporal's package alone: the same activity, with the same
// settings, and nothing where the action does nothing. Each returns how many actions there were.

const { action_run } = proxyActivities<WorkbookActivities>({
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 20 },
});

interface Input {
  url: string;
  list: readonly number[];
}

async function http(url: string): Promise<void> {
  const execution = {
    workflow_execution_id: null,
    task_execution_id: null,
    action_execution_id: 'bench',
    workflow_name: null,
  };
  const outcome = await action_run({
    name: 'std.http',
    shown: 'std.http',
    input: { url },
    timeout: null,
    safe_rerun: false,
    execution,
  });
  if ('error' in outcome) throw new Error(String(outcome.error));
}

async function noop(): Promise<void> {}

async function chain(action: () => Promise<void>): Promise<number> {
  let done = 0;
  for (; done < 200; done++) await action();
  return done;
}

async function all(count: number, action: () => Promise<void>): Promise<number> {
  await Promise.all(Array.from({ length: count }, action));
  return count;
}

/** At most so many at a time, as the platform has it. */
const width = 200;

async function limited(items: readonly unknown[], action: () => Promise<void>): Promise<number> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      next += 1;
      await action();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return items.length;
}

export const noop_chain = (_: Input) => chain(noop);
export const noop_join = (_: Input) => all(100, noop);
export const noop_items = ({ list }: Input) => limited(list, noop);
export const http_chain = ({ url }: Input) => chain(() => http(url));
export const http_join = ({ url }: Input) => all(100, () => http(url));
export const http_items = ({ url, list }: Input) => limited(list, () => http(url));
