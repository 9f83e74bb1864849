import { executionId } from './execution.ts';
import { instanceBrief } from './queues.ts';
import type { InstanceChangeInput, InstanceChangeResult } from './types.ts';

/** Creates, changes or deletes an entry of the registry, after a look at the instance where that was asked for. */
export async function instance_change(input: InstanceChangeInput): Promise<InstanceChangeResult> {
  const { record, check } = input;
  const probe = check
    ? await instanceBrief(record.task_queue).instance_probe({ record, execution_id: executionId() })
    : null;
  await instanceBrief(null).instance_write({ record });
  return { record, probe };
}
