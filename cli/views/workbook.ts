import type {
  Action,
  TaskDetails,
  Workbook,
  WorkbookChange,
  Workflow,
  WorkflowExecution,
  WorkflowTask,
} from '../../client/workbook-types.ts';
import { pythonJson } from '../output/cell.ts';
import type { Column, Property } from '../output/output.ts';

const listed = (names: readonly string[]) => (names.length === 0 ? null : names.join(', '));
const always = (value: unknown): Property => ({ value, show: 'always' });
const cut = (value: unknown): Property => ({ value, show: 'always', brief: briefly(value) });
const long = (value: unknown): Property => ({ value, show: 'long' });

/** The first line of a reason, and no more of any value than a table has room for; `--long` and `--json` have the whole. */
function briefly(value: unknown): unknown {
  const room = 2 * widest;
  const text = typeof value === 'string' ? (value.split('\n')[0] ?? '') : pythonJson(value);
  const isWhole = text.length <= room && text === (typeof value === 'string' ? value : text);
  if (value === null || value === undefined || isWhole) return value;
  return `${text.slice(0, room)}…`;
}

/** Longer ones would make a table that nobody can read: `--json` and the `-show` commands have the whole. */
const widest = 100;

function short(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : pythonJson(value);
  return text.length <= widest ? text : `${text.slice(0, widest)}…`;
}

export const workbookColumns: readonly Column<Workbook>[] = [
  { header: 'Name', value: ({ name }) => name },
  { header: 'Tags', value: ({ tags }) => listed(tags) },
  { header: 'Created at', value: ({ createdAt }) => createdAt },
  { header: 'Updated at', value: ({ updatedAt }) => updatedAt },
  { header: 'Revision', value: ({ revision }) => revision, long: true },
  { header: 'Workflows', value: ({ workflows }) => listed(workflows), long: true },
  { header: 'Actions', value: ({ actions }) => listed(actions), long: true },
];

export function workbookProperties(workbook: Workbook): Record<string, Property> {
  return {
    name: always(workbook.name),
    description: always(workbook.description),
    tags: always(listed(workbook.tags)),
    revision: always(workbook.revision),
    workflows: always(listed(workbook.workflows)),
    actions: always(listed(workbook.actions)),
    created_at: always(workbook.createdAt),
    updated_at: always(workbook.updatedAt),
  };
}

export const changeColumns: readonly Column<WorkbookChange>[] = [
  { header: 'Name', value: ({ name }) => name },
  { header: 'Kind', value: ({ kind }) => kind },
  { header: 'Revision', value: ({ revision }) => revision },
  { header: 'Change', value: ({ change }) => change },
];

export const workflowColumns: readonly Column<Workflow>[] = [
  { header: 'Name', value: ({ name }) => name },
  { header: 'Tags', value: ({ tags }) => listed(tags) },
  { header: 'Input', value: ({ input }) => listed(input) },
  { header: 'Created at', value: ({ createdAt }) => createdAt },
  { header: 'Updated at', value: ({ updatedAt }) => updatedAt },
  { header: 'Type', value: ({ type }) => type, long: true },
  { header: 'Description', value: ({ description }) => description, long: true },
];

export function workflowProperties(workflow: Workflow): Record<string, Property> {
  return {
    name: always(workflow.name),
    workbook: always(workflow.workbook),
    type: always(workflow.type),
    description: always(workflow.description),
    tags: always(listed(workflow.tags)),
    input: always(listed(workflow.input)),
    tasks: always(listed(workflow.tasks)),
    created_at: always(workflow.createdAt),
    updated_at: always(workflow.updatedAt),
  };
}

export const actionColumns: readonly Column<Action>[] = [
  { header: 'Name', value: ({ name }) => name },
  { header: 'Is system', value: ({ isSystem }) => isSystem },
  { header: 'Input', value: ({ input }) => short(listed(input)) },
  { header: 'Description', value: ({ description }) => description },
  { header: 'Tags', value: ({ tags }) => listed(tags), long: true },
];

export function runProperties(run: WorkflowExecution): Record<string, Property> {
  return {
    id: always(run.id),
    workflow_name: always(run.workflowName),
    description: always(run.description),
    state: always(run.state),
    state_info: cut(run.stateInfo),
    input: cut(run.input),
    output: cut(run.output),
    params: long(run.params),
    schedule_id: { value: run.scheduleId, show: 'set', isDefault: run.scheduleId === null },
    root_execution_id: { value: run.rootExecutionId, show: 'set', isDefault: run.rootExecutionId === null },
    parent_execution_id: long(run.parentExecutionId),
    task_execution_id: { value: run.taskExecutionId, show: 'set', isDefault: run.taskExecutionId === null },
    created_at: always(run.createdAt),
    updated_at: always(run.updatedAt),
  };
}

export const taskColumns: readonly Column<WorkflowTask>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Name', value: ({ name }) => name },
  { header: 'Type', value: ({ type }) => type, long: true },
  { header: 'State', value: ({ state }) => state },
  { header: 'State info', value: ({ stateInfo }) => short(stateInfo) },
  { header: 'Result', value: ({ result }) => short(result) },
  { header: 'Created at', value: ({ createdAt }) => createdAt },
  { header: 'Finished at', value: ({ finishedAt }) => finishedAt },
];

export function taskProperties(task: TaskDetails): Record<string, Property> {
  return {
    id: always(task.id),
    name: always(task.name),
    type: always(task.type),
    execution_id: always(task.executionId),
    workflow_name: always(task.workflowName),
    state: always(task.state),
    state_info: cut(task.stateInfo),
    result: cut(task.result),
    published: cut(task.published),
    created_at: always(task.createdAt),
    started_at: always(task.startedAt),
    finished_at: always(task.finishedAt),
  };
}

type ActionExecution = WorkflowTask['executions'][number];

export const actionExecutionColumns: readonly Column<ActionExecution>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Name', value: ({ name }) => name },
  { header: 'State', value: ({ state }) => state },
  { header: 'Accepted', value: ({ accepted }) => accepted },
  { header: 'Input', value: ({ input }) => short(input) },
  { header: 'Output', value: ({ output }) => short(output) },
];
