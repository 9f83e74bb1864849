import { resultOf } from '../../workbooks/engine/result.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import type { TaskExecution } from '../../workbooks/engine/state.ts';
import type { TaskView, WorkbookRunInput, WorkbookView } from './types.ts';

/** A run as people see it. */
export function viewOf(run: Run, input: WorkbookRunInput): WorkbookView {
  const { state } = run;
  return {
    id: state.id,
    workflow_name: state.workflowName,
    description: state.description,
    state: state.state,
    state_info: state.stateInfo,
    input: state.input,
    params: state.params,
    output: state.output,
    root_execution_id: state.rootId,
    parent_execution_id: input.parent?.execution_id ?? null,
    task_execution_id: state.parentTaskId,
    created_at: iso(state.createdAt),
    updated_at: iso(state.updatedAt),
    tasks: state.tasks.map((task) => taskViewOf(run, task)),
  };
}

function taskViewOf(run: Run, task: TaskExecution): TaskView {
  return {
    id: task.id,
    name: task.name,
    type: run.graph.task(task.name)?.runs.kind === 'workflow' ? 'WORKFLOW' : 'ACTION',
    state: task.state,
    state_info: task.stateInfo,
    result: resultOf(run, task),
    published: task.published,
    created_at: iso(task.createdAt),
    started_at: task.startedAt === null ? null : iso(task.startedAt),
    finished_at: task.finishedAt === null ? null : iso(task.finishedAt),
    executions: task.executions.map(({ id, kind, name, state, accepted, index, input, output }) => ({
      id,
      kind,
      name,
      state,
      accepted,
      index,
      input,
      output,
    })),
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
