import type { RestorePlan } from '../engines/engine.ts';
import { executionId } from './execution.ts';
import { instanceBrief, restoreBrief } from './queues.ts';
import type { RestoreInput } from './types.ts';

/** What a restore would do, for `--dry-run`. Changes nothing, and leaves no row. */
export async function restore_plan(input: RestoreInput): Promise<RestorePlan> {
  const { task_queue } = await instanceBrief(null).instance_find({ instance: input.target_instance_id });
  return restoreBrief(task_queue).restore_plan({ ...input, execution_id: executionId() });
}
