import { newRun } from '../../workbooks/engine/new-run.ts';
import { splitInput } from '../../workbooks/engine/start.ts';
import type { RunState } from '../../workbooks/engine/state.ts';
import { defaultLimits, type EntropySource } from '../../workbooks/expressions/language.ts';
import { normalizeWorkflow } from '../../workbooks/language/normalize.ts';
import type { LoadedWorkflow, WorkbookRunInput } from './types.ts';

/** The state of a run that is about to begin. @throws RunError, ExpressionError if it is refused */
export function newState(given: WorkbookRunInput, loaded: LoadedWorkflow, source: EntropySource): RunState {
  const { execution_id: id, description, parent, params, input } = given;
  const local = loaded.workbook === null ? loaded.name : loaded.name.slice(loaded.workbook.length + 1);
  const common = {
    id,
    workflowName: loaded.name,
    ...(loaded.workbook === null ? {} : { workbook: loaded.workbook }),
    spec: loaded.spec,
    description,
  };
  if (parent === undefined) return newRun({ ...common, input, params }, source, defaultLimits);
  const names = normalizeWorkflow(local, loaded.spec).input.map(({ name }) => name);
  const split = splitInput(input, names);
  const of = {
    rootId: parent.root_id,
    rootEnv: parent.root_env,
    taskId: parent.task_id,
    index: parent.index,
    depth: parent.depth,
  };
  const start = { ...common, input: split.input, params: { ...params, ...split.params }, parent: of };
  return newRun(start, source, defaultLimits);
}
