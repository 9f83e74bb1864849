import { builtInAction } from '../../workbooks/actions/registry.ts';
import { Definitions } from '../../workbooks/engine/definitions.ts';
import { completeAction, updateAction } from '../../workbooks/engine/events.ts';
import { type ActionRunner, InProcess } from '../../workbooks/engine/in-process.ts';
import { changeEnvironment, pauseRun, resumeRun, stopRun } from '../../workbooks/engine/lifecycle.ts';
import { resultOf } from '../../workbooks/engine/result.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import type { ActionExecution, TaskExecution } from '../../workbooks/engine/state.ts';
import type { State } from '../../workbooks/engine/states.ts';
import type { Dictionary, Value } from '../../workbooks/expressions/value.ts';
import { parseDefinitions } from '../../workbooks/language/check.ts';
import type { Case, Outcome, RunRecord, Step } from './cases.ts';

/** Runs a case in our engine, in virtual time, and notes what the oracle notes. */
export async function runInProcess(
  one: Pick<Case, 'text' | 'workflow' | 'input' | 'params' | 'script' | 'jitter'>,
  runAction?: ActionRunner,
): Promise<Outcome> {
  const { raw, faults } = parseDefinitions(one.text);
  if (faults.length > 0 || raw === undefined) {
    return { refused: faults.map(({ message }) => message).join('; '), at: 'create' };
  }
  const definitions = new Definitions();
  definitions.addWorkbook(raw);
  const world = new InProcess(definitions, numbers(), runAction, one.jitter ? jitterOf : undefined);
  let run: Run;
  try {
    run = world.start(one.workflow, one.input as Dictionary, one.params as Dictionary);
  } catch (error) {
    return { refused: (error as Error).message, at: 'start' };
  }
  const script = [...one.script];
  const answers: (string | null)[] = [];
  for (;;) {
    await world.settle();
    const [step] = script;
    if (step !== undefined && holds(world, run, step)) {
      script.shift();
      answers.push(perform(world, run, step));
    } else {
      const { state } = run.state;
      const isOver = state === 'SUCCESS' || state === 'ERROR' || state === 'CANCELLED' || state === 'PAUSED';
      if (step === undefined && isOver) break;
      if (!world.advance()) break;
    }
  }
  return {
    ...recordOf(world, run),
    seconds: world.seconds,
    ...(answers.some((answer) => answer !== null) && { steps: answers }),
    ...(script.length > 0 && { left: script.length }),
    ...(run.state.state === 'RUNNING' && { stuck: 'nothing more happens' }),
  };
}

/** The same part of a second as the oracle gives that action. */
function jitterOf(run: Run, task: TaskExecution, execution: ActionExecution): number {
  const at = run.named(task.name).indexOf(task);
  const key = `${run.state.workflowName}/${task.name}/${at}/${task.executions.indexOf(execution)}`;
  let value = 2_166_136_261;
  for (const byte of new TextEncoder().encode(key)) value = Math.imul(value ^ byte, 16_777_619) >>> 0;
  return (value % 999_983) / 1_000_000;
}

/** Chance that is the same each time, as ids in the order in which they were made. */
function numbers() {
  let last = 0;
  let seed = 1;
  return {
    uuid: () => `00000000-0000-4000-8000-${String(++last).padStart(12, '0')}`,
    random: () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    },
  };
}

function recordOf(world: InProcess, run: Run): RunRecord {
  const { state, stateInfo, output, tasks } = run.state;
  return {
    state,
    state_info: stateInfo,
    output,
    tasks: tasks.map((task) => {
      const children = childrenOf(world, task);
      return {
        name: task.name,
        state: task.state,
        state_info: task.stateInfo,
        result: resultOf(run, task),
        published: task.published,
        type: run.graph.task(task.name)?.runs.kind === 'workflow' ? 'WORKFLOW' : 'ACTION',
        runs: task.executions.length,
        ...(children.length > 0 && {
          children: children.map((child) => ({
            workflow: child.state.workflowName,
            ...recordOf(world, child),
          })),
        }),
      };
    }),
  };
}

function childrenOf(world: InProcess, task: TaskExecution): Run[] {
  return task.executions.flatMap(({ id }) => world.runs.get(id) ?? []);
}

/** A task by its path through sub-workflows, `outer/inner#1`. */
function taskAt(world: InProcess, run: Run, path: string): { run: Run; task: TaskExecution } | undefined {
  let at = run;
  const names = path.split('/');
  for (const [position, part] of names.entries()) {
    const [name = '', number] = part.split('#');
    const task = number ? at.named(name)[Number(number)] : at.newest(name);
    if (task === undefined) return undefined;
    if (position === names.length - 1) return { run: at, task };
    const child = childrenOf(world, task).at(-1);
    if (child === undefined) return undefined;
    at = child;
  }
  return undefined;
}

function holds(world: InProcess, run: Run, { when }: Step): boolean {
  if (when?.state !== undefined && run.state.state !== when.state) return false;
  return when?.task === undefined || taskAt(world, run, when.task)?.task.state === when.is;
}

/** Does what the client would do; null, or why it was refused. */
function perform(world: InProcess, run: Run, step: Step): string | null {
  try {
    const of = step.run === undefined ? undefined : taskAt(world, run, step.run);
    const target = of === undefined ? run : (childrenOf(world, of.task).at(-1) as Run);
    const at = step.task === undefined ? undefined : taskAt(world, run, step.task);
    const env = (step.env ?? {}) as Dictionary;
    if (step.do === 'pause') pauseRun(target, null);
    else if (step.do === 'resume') resumeRun(target, env);
    else if (step.do === 'stop') {
      stopRun(target, (step.state ?? 'CANCELLED') as 'CANCELLED', step.message ?? null);
    } else if (step.do === 'env') changeEnvironment(target, env);
    else if (at === undefined) return `no task ${step.task}`;
    else if (step.do === 'action') act(at.run, at.task, step);
    else {
      const reset = step.reset ?? true;
      if (at.task.state !== 'ERROR') return 'The current task execution must be in ERROR for rerun.';
      const iterates = (at.run.graph.task(at.task.name)?.withItems.size ?? 0) > 0;
      if (step.do === 'rerun' && !iterates && !reset) {
        return 'Only with-items task has the option to not reset.';
      }
      world.rerun(at.run, at.task, { reset, skip: step.do === 'skip', env });
    }
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function act(run: Run, task: TaskExecution, step: Step): void {
  const executions = task.executions.filter(({ index }) => step.index === undefined || index === step.index);
  const execution = executions.at(-1);
  if (execution === undefined) throw new Error(`no action of ${step.task}`);
  const output = (step.output ?? null) as Value;
  const { id } = execution;
  const outcomes = {
    SUCCESS: { result: output },
    ERROR: { error: output ?? 'Unknown error' },
    CANCELLED: 'cancelled',
  } as const;
  if (step.state === 'SUCCESS' || step.state === 'ERROR' || step.state === 'CANCELLED') {
    if (completeAction(run, id, outcomes[step.state])) return;
    throw new Error('ValueError: Action <id> is already completed');
  }
  const base = execution.start.kind === 'action' ? builtInAction(execution.start.base) : undefined;
  updateAction(run, id, step.state as State, base?.synchronous ?? false);
}
