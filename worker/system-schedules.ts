import {
  type Client,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { Config } from '../config/load.ts';
import { searchAttributes } from '../workflows/types.ts';

interface SystemSchedule {
  id: string;
  workflow: string;
  everySeconds: number;
  args: unknown[];
}

/** Our own schedules: short work that looks after the rest. Lists of schedules leave them out by their kind. */
const always: SystemSchedule[] = [
  { id: 'backupctl-reconciler', workflow: 'reconcile', everySeconds: 60, args: [] },
  { id: 'backupctl-janitor', workflow: 'janitor', everySeconds: 3600, args: [{ grace_seconds: null }] },
];
/** Only where there are copies. */
const ofCopies: SystemSchedule = {
  id: 'backupctl-copies',
  workflow: 'copy_sweep',
  everySeconds: 60,
  args: [],
};

/** Creates them where they are not there yet, and has those that make up for what was lost while we were away look at once. */
export async function ensureSystemSchedules(
  client: Client,
  taskQueue: string,
  { copies }: Pick<Config, 'copies'>,
): Promise<void> {
  if (copies.length === 0) await remove(client, ofCopies.id);
  const system = copies.length === 0 ? always : [...always, ofCopies];
  const kind = defineSearchAttributeKey(searchAttributes.kind, SearchAttributeType.KEYWORD);
  for (const { id, workflow, everySeconds, args } of system) {
    try {
      await client.schedule.create({
        scheduleId: id,
        spec: { intervals: [{ every: everySeconds * 1000 }] },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: 60_000 },
        action: {
          type: 'startWorkflow',
          workflowType: workflow,
          workflowId: id,
          taskQueue,
          args,
          workflowRunTimeout: '7 hours',
        },
        typedSearchAttributes: new TypedSearchAttributes([{ key: kind, value: 'system' }]),
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await moveTo(client, id, taskQueue);
    }
  }
  await client.schedule.getHandle('backupctl-reconciler').trigger(ScheduleOverlapPolicy.SKIP);
  if (copies.length > 0) await client.schedule.getHandle(ofCopies.id).trigger(ScheduleOverlapPolicy.SKIP);
}

/** Copies were configured once, and are no more. */
async function remove(client: Client, id: string): Promise<void> {
  try {
    await client.schedule.getHandle(id).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

/** A schedule that was made for another task queue would start what nobody takes. */
async function moveTo(client: Client, id: string, taskQueue: string): Promise<void> {
  const handle = client.schedule.getHandle(id);
  if ((await handle.describe()).action.taskQueue === taskQueue) return;
  await handle.update(({ action, ...rest }) => ({ ...rest, action: { ...action, taskQueue } }));
}
