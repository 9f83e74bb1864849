import type { Elsewhere } from '../../workbooks/engine/host.ts';
import type { Dictionary } from '../../workbooks/expressions/value.ts';
import { messages, type WorkbookView, workbookRun } from '../../workflows/workbooks/types.ts';
import type { ActivityDeps } from '../deps.ts';

/** Runs beyond which an expression does not see: the newest ones count. */
const most = 200;

/** Runs of workflows, and the tasks of those other than the one that asks. */
export async function lookElsewhere(
  { temporal }: Pick<ActivityDeps, 'temporal'>,
  executionId: string,
): Promise<Elsewhere> {
  const executions: Dictionary[] = [];
  const tasks: Dictionary[] = [];
  for await (const row of temporal.workflow.list({
    query: `WorkflowType = '${workbookRun}'`,
    pageSize: most,
  })) {
    if (executions.length >= most) break;
    let view: WorkbookView | null;
    try {
      view = await temporal.workflow
        .getHandle(row.workflowId, row.runId)
        .query<WorkbookView | null>(messages.view);
    } catch {
      // Its history is gone, or nobody can replay it.
      continue;
    }
    if (view === null) continue;
    executions.push(executionOf(view));
    if (view.id !== executionId) tasks.push(...view.tasks.map((task) => taskOf(view, task)));
  }
  return { executions: executions.reverse(), tasks };
}

function executionOf(view: WorkbookView): Dictionary {
  return {
    id: view.id,
    name: view.workflow_name,
    workflow_name: view.workflow_name,
    description: view.description,
    state: view.state,
    state_info: view.state_info,
    input: view.input,
    output: view.output,
    params: view.params,
    created_at: asText(view.created_at),
    updated_at: asText(view.updated_at),
    root_execution_id: view.root_execution_id,
    task_execution_id: view.task_execution_id,
  };
}

function taskOf(view: WorkbookView, task: WorkbookView['tasks'][number]): Dictionary {
  return {
    id: task.id,
    name: task.name,
    state: task.state,
    state_info: task.state_info,
    result: task.result,
    published: task.published,
    type: task.type,
    workflow_execution_id: view.id,
    created_at: asText(task.created_at),
    updated_at: asText(task.finished_at ?? task.started_at ?? task.created_at),
  };
}

/** As expressions have it: seconds, a blank between day and time. */
function asText(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}
