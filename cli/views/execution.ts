import type { Execution, ExecutionStep } from '../../client/types.ts';
import type { Column, Property } from '../output/output.ts';
import { formatSize } from '../output/size.ts';

/** The seed's four columns, and more with `--long`. */
export const executionColumns: readonly Column<Execution>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Execution Time', value: ({ executionTime }) => executionTime },
  { header: 'State', value: ({ state }) => state },
  { header: 'Output', value: ({ output }) => output },
  { header: 'Ended', value: ({ endedAt }) => endedAt, long: true },
  { header: 'Kind', value: ({ kind }) => kind, long: true },
  { header: 'Schedule ID', value: ({ scheduleId }) => scheduleId, long: true },
  { header: 'Backup ID', value: ({ backupId }) => backupId, long: true },
];

/** Of runs of workflows, as Mistral's client shows them. */
export const runColumns: readonly Column<Execution>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Workflow name', value: ({ facts }) => facts.workflow_name },
  { header: 'Description', value: ({ facts }) => facts.description || null },
  { header: 'State', value: ({ state }) => state },
  { header: 'Created at', value: ({ executionTime }) => executionTime },
  { header: 'Updated at', value: ({ endedAt, executionTime }) => endedAt ?? executionTime },
  { header: 'State info', value: ({ output }) => output?.error, long: true },
  { header: 'Output', value: ({ output }) => output, long: true },
  { header: 'Task Execution ID', value: ({ facts }) => facts.task_execution_id, long: true },
  { header: 'Root execution ID', value: ({ facts }) => facts.root_execution_id, long: true },
  { header: 'Schedule ID', value: ({ scheduleId }) => scheduleId, long: true },
];

export function executionProperties(execution: Execution): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  return {
    backup_id: always(execution.backupId),
    ended_at: always(execution.endedAt),
    execution_time: always(execution.executionTime),
    id: always(execution.id),
    instance_id: always(execution.instanceId),
    kind: always(execution.kind),
    output: always(execution.output),
    schedule_id: always(execution.scheduleId),
    state: always(execution.state),
    facts: { value: execution.facts, show: 'long' },
    workflow_id: { value: execution.workflowId, show: 'long' },
  };
}

const size = (bytes: number | null) => (bytes === null ? null : formatSize(bytes));

export const stepColumns: readonly Column<ExecutionStep>[] = [
  { header: 'Step', value: ({ name }) => name },
  { header: 'State', value: ({ state }) => state },
  { header: 'Attempts', value: ({ attempts }) => attempts },
  { header: 'Started', value: ({ startedAt }) => startedAt },
  { header: 'Ended', value: ({ endedAt }) => endedAt },
  { header: 'Bytes In', value: ({ bytesIn }) => size(bytesIn) },
  { header: 'Bytes Out', value: ({ bytesOut }) => size(bytesOut) },
  { header: 'Rate', value: ({ rate }) => (rate === null ? null : `${formatSize(Math.round(rate))}/s`) },
  { header: 'Output', value: ({ output, lastFailure }) => output ?? lastFailure },
];
