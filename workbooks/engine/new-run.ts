import { evaluateDeep } from '../expressions/evaluate.ts';
import { sharedFunctions } from '../expressions/functions/shared.ts';
import type { EntropySource, Limits } from '../expressions/language.ts';
import { type Dictionary, isDictionary, own, type Value } from '../expressions/value.ts';
import { normalizeWorkflow } from '../language/normalize.ts';
import { checkedInput } from './lifecycle.ts';
import { RunError } from './run-error.ts';
import type { RunState } from './state.ts';

/** What a run is started with. */
export interface NewRun {
  readonly id: string;
  readonly workflowName: string;
  readonly workbook?: string;
  readonly spec: Dictionary;
  readonly description: string;
  readonly input: Dictionary;
  /** `env`, `evaluate_env`, `task_name` and whatever else. */
  readonly params: Dictionary;
  /** Of a sub-workflow. */
  readonly parent?: {
    readonly rootId: string;
    readonly rootEnv: Dictionary;
    readonly taskId: string;
    readonly index: number;
    readonly depth: number;
  };
}

/** Sub-workflows within each other: one that starts itself without end must not fill Temporal with its runs. */
const deepestRun = 100;

/** The state of a run that is about to begin. @throws RunError, ExpressionError if it is refused */
export function newRun(start: NewRun, source: EntropySource, limits: Limits): RunState {
  const local =
    start.workbook === undefined ? start.workflowName : start.workflowName.slice(start.workbook.length + 1);
  const depth = start.parent === undefined ? 0 : start.parent.depth + 1;
  if (depth > deepestRun) {
    throw new RunError(
      `sub-workflows are nested more than ${deepestRun} levels deep: does ${start.workflowName} start itself without end?`,
    );
  }
  const definition = normalizeWorkflow(local, start.spec);
  const input = checkedInput(definition, local, start.input);
  const env = environmentOf(start.params, source, limits);
  const now = source.now();
  return {
    id: start.id,
    workflowName: start.workflowName,
    ...(start.workbook === undefined ? {} : { workbook: start.workbook }),
    spec: start.spec,
    description: start.description,
    state: 'IDLE',
    stateInfo: null,
    input,
    params: { ...start.params, env, namespace: own(start.params, 'namespace') ?? '' },
    context: { __execution: { id: start.id } },
    output: {},
    rootEnv: start.parent?.rootEnv ?? env,
    rootId: start.parent?.rootId ?? null,
    parentTaskId: start.parent?.taskId ?? null,
    depth,
    index: start.parent?.index ?? 0,
    createdAt: now,
    updatedAt: now,
    backlog: [],
    tasks: [],
    timers: [],
  };
}

/** The environment may refer to itself: `<% env().a %>`, unless `evaluate_env` is false. */
function environmentOf(params: Dictionary, source: EntropySource, limits: Limits): Dictionary {
  const env: Value = own(params, 'env') ?? {};
  if (!isDictionary(env)) {
    throw new RunError('Unexpected value type for environment: "env" has to be a dictionary');
  }
  if (own(params, 'evaluate_env') === false || Object.keys(env).length === 0) return env;
  const functions = new Map([...sharedFunctions(source), ['env', () => env] as const]);
  const evaluated = evaluateDeep(env, { data: { __env: env }, functions, source, limits });
  return isDictionary(evaluated) ? evaluated : env;
}
