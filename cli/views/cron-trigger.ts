import type { CronTrigger } from '../../client/types.ts';
import type { Column, Property } from '../output/output.ts';

/** Those of Mistral's client, the id with `--long`. */
export const cronTriggerColumns: readonly Column<CronTrigger>[] = [
  { header: 'Name', value: ({ name }) => name },
  { header: 'Workflow', value: ({ workflowName }) => workflowName },
  { header: 'Params', value: ({ workflowParams }) => workflowParams },
  { header: 'Pattern', value: ({ pattern }) => pattern },
  { header: 'Next execution time', value: ({ nextExecutionTime }) => nextExecutionTime },
  { header: 'Remaining executions', value: ({ remainingExecutions }) => remainingExecutions },
  { header: 'Created at', value: ({ createdAt }) => createdAt },
  { header: 'Updated at', value: ({ updatedAt }) => updatedAt },
  { header: 'ID', value: ({ id }) => id, long: true },
];

export function cronTriggerProperties(trigger: CronTrigger): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  return {
    name: always(trigger.name),
    workflow: always(trigger.workflowName),
    workflow_input: always(trigger.workflowInput),
    params: always(trigger.workflowParams),
    pattern: always(trigger.pattern),
    first_execution_time: always(trigger.firstExecutionTime),
    next_execution_time: always(trigger.nextExecutionTime),
    remaining_executions: always(trigger.remainingExecutions),
    created_at: always(trigger.createdAt),
    updated_at: always(trigger.updatedAt),
    id: { value: trigger.id, show: 'long' },
  };
}
