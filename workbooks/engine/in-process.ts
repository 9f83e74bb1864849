import type { Outcome } from '../actions/action.ts';
import { runInline } from '../actions/inline.ts';
import { builtInAction } from '../actions/registry.ts';
import { defaultLimits, type EntropySource } from '../expressions/language.ts';
import { type Dictionary, own, type Value } from '../expressions/value.ts';
import { normalizeWorkflow } from '../language/normalize.ts';
import type { Definitions, FoundWorkflow } from './definitions.ts';
import { completeAction, completeChild, fire, refuseChild, updateChild } from './events.ts';
import type { ChildOrder, Elsewhere, Host } from './host.ts';
import { begin, pauseRun, reopenTask, rerunTask, resumeRun, stopRun } from './lifecycle.ts';
import { type NewRun, newRun } from './new-run.ts';
import { resultOf } from './result.ts';
import { Run } from './run.ts';
import { executionView, taskView } from './run-functions.ts';
import { splitInput } from './start.ts';
import type { ActionExecution, TaskExecution } from './state.ts';
import { isCompleted } from './states.ts';
import { unstick } from './stuck.ts';

/** Runs actions that are not the language's own; an answer later is a promise. */
export type ActionRunner = (name: string, input: Dictionary, id: string) => Outcome | Promise<Outcome>;

/**
 * Runs of workflows in one process, on a clock that jumps from event to event: for tests, for comparisons with
 * Mistral's engine, and for trying out a workbook. Nothing survives it.
 */
export class InProcess {
  readonly #definitions: Definitions;
  readonly #runAction: ActionRunner;
  readonly #source: EntropySource;
  readonly #jitter: (run: Run, task: TaskExecution, execution: ActionExecution) => number;
  readonly #events: { at: number; order: number; what: () => void }[] = [];
  readonly runs = new Map<string, Run>();
  readonly parents = new Map<string, { run: Run; execution: ActionExecution }>();
  readonly #reported = new Set<string>();
  #now = beginning;
  #order = 0;
  #outside = 0;

  constructor(
    definitions: Definitions,
    source: Omit<EntropySource, 'now'>,
    runAction: ActionRunner = refuse,
    /** Seconds that an action takes beyond its own. */
    jitter: (run: Run, task: TaskExecution, execution: ActionExecution) => number = () => 0,
  ) {
    this.#jitter = jitter;
    this.#definitions = definitions;
    this.#runAction = runAction;
    this.#source = { ...source, now: () => this.#now };
  }

  /** Starts a run by its workflow's full name. @throws RunError, ExpressionError if it is refused */
  start(name: string, input: Dictionary, params: Dictionary = {}): Run {
    const found = this.#definitions.workflow(name);
    if (found === undefined) throw new Error(`there is no workflow ${name}`);
    return this.#begin(found, { id: this.#source.uuid(), description: '', input, params });
  }

  /** Runs a failed task once more, or passes it over; the runs above go on as well. @throws RunError */
  rerun(run: Run, task: TaskExecution, how: Parameters<typeof rerunTask>[2]): void {
    if (run.state.state === 'PAUSED') return;
    for (let child = run.state.id; ; ) {
      this.#reported.delete(child);
      const parent = this.parents.get(child);
      if (parent === undefined) break;
      reopenTask(parent.run, child);
      child = parent.run.state.id;
    }
    rerunTask(run, task, how);
  }

  /** Goes on until nothing is left to do: every run ended, is paused, or waits for somebody. */
  async drain(): Promise<void> {
    do await this.settle();
    while (this.advance());
  }

  /** Does all that is due now. */
  async settle(): Promise<void> {
    for (;;) {
      this.#settle();
      const due = this.#next(this.#now);
      if (due !== undefined) due();
      else if (this.#outside > 0) await new Promise((resolve) => setImmediate(resolve));
      else return;
    }
  }

  /** Jumps to what comes next; what can never go on fails. False if there is nothing. */
  advance(): boolean {
    const next = this.#events.reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
    if (next === Number.POSITIVE_INFINITY) return [...this.runs.values()].some(unstick);
    this.#now = Math.max(this.#now, next);
    return true;
  }

  /** Seconds since this world began. */
  get seconds(): number {
    return (this.#now - beginning) / 1000;
  }

  #next(until: number): (() => void) | undefined {
    let first = -1;
    for (const [at, event] of this.#events.entries()) {
      const best = this.#events[first];
      if (event.at > until) continue;
      if (best === undefined || event.at < best.at || (event.at === best.at && event.order < best.order))
        first = at;
    }
    return first < 0 ? undefined : this.#events.splice(first, 1)[0]?.what;
  }

  #settle(): void {
    for (let again = true; again; ) {
      again = false;
      const before = this.runs.size;
      for (const run of [...this.runs.values()]) {
        run.settle(Number.POSITIVE_INFINITY);
        again = this.#report(run) || again;
      }
      again ||= this.runs.size > before;
    }
  }

  #report(run: Run): boolean {
    const parent = this.parents.get(run.state.id);
    const { state, output, id } = run.state;
    if (parent === undefined || this.#reported.has(id)) return false;
    if (state !== 'SUCCESS' && state !== 'ERROR' && state !== 'CANCELLED') return false;
    this.#reported.add(id);
    completeChild(parent.run, parent.execution.id, { state, output });
    return true;
  }

  #begin(found: FoundWorkflow, start: Omit<NewRun, 'workflowName' | 'spec'>): Run {
    const state = newRun(
      {
        ...start,
        workflowName: found.name,
        spec: found.spec,
        ...(found.workbook && { workbook: found.workbook }),
      },
      this.#source,
      defaultLimits,
    );
    const run: Run = new Run(
      state,
      this.#host(() => run),
    );
    begin(run);
    this.runs.set(state.id, run);
    return run;
  }

  #at(seconds: number, what: () => void): void {
    this.#events.push({ at: this.#now + seconds * 1000, order: this.#order++, what });
  }

  #host(self: () => Run): Host {
    const world = this;
    return {
      source: this.#source,
      limits: defaultLimits,
      findAction: (name) => this.#definitions.action(name),
      start: (task, execution) => this.#start(self(), task, execution),
      startTimer: (timer) => this.#at((timer.due - this.#now) / 1000, () => fire(self(), timer.id)),
      tellChild: (execution, order) => this.#tell(execution, order),
      tellParent: (state) => {
        const parent = this.parents.get(self().state.id);
        if (parent !== undefined) this.#at(0, () => updateChild(parent.run, parent.execution.id, state));
      },
      get elsewhere() {
        return world.#elsewhere(self());
      },
    };
  }

  #start(run: Run, task: TaskExecution, execution: ActionExecution): void {
    if (execution.start.kind === 'workflow') this.#startChild(run, task, execution, execution.start.workflow);
    else this.#startAction(run, task, execution, execution.start);
  }

  #startAction(
    run: Run,
    task: TaskExecution,
    execution: ActionExecution,
    request: Extract<ActionExecution['start'], { kind: 'action' }>,
  ): void {
    const facts = builtInAction(request.base);
    if (facts === undefined) throw new Error(`there is no action ${request.base}`);
    if (facts.runs !== 'activity') {
      const { delay, ...outcome } = runInline(facts, request.input, execution.id, request.shown);
      const done = () => void completeAction(run, execution.id, outcome);
      if (!facts.synchronous && !('error' in outcome)) return;
      const seconds = delay + this.#jitter(run, task, execution);
      if (seconds > 0) this.#at(seconds, done);
      else run.later(done);
      return;
    }
    this.#outside += 1;
    void Promise.resolve(this.#runAction(request.base, request.input, execution.id)).then((outcome) => {
      this.#outside -= 1;
      if (facts.synchronous || 'error' in outcome)
        this.#at(0, () => void completeAction(run, execution.id, outcome));
    });
  }

  #startChild(run: Run, task: TaskExecution, execution: ActionExecution, name: string): void {
    const found = this.#definitions.workflow(name, run.state.workbook);
    try {
      if (found === undefined) throw new Error(`Failed to find workflow [name=${name}] [namespace=]`);
      const names = normalizeWorkflow(name, found.spec).input.map((parameter) => parameter.name);
      const { input, params } = splitInput(execution.input, names);
      const rootId = run.state.rootId ?? run.state.id;
      const { rootEnv, depth } = run.state;
      const parent = { rootId, rootEnv, taskId: task.id, index: execution.index, depth };
      const start = { id: execution.id, description: 'sub-workflow execution', input, parent };
      this.parents.set(execution.id, { run, execution });
      this.#begin(found, { ...start, params: childParams(params, run, task, execution.index) });
    } catch (error) {
      this.parents.delete(execution.id);
      refuseChild(run, execution.id, error instanceof Error ? error.message : String(error));
    }
  }

  #tell(execution: ActionExecution, order: ChildOrder): void {
    const child = this.runs.get(execution.id);
    if (child === undefined || isCompleted(child.state.state)) return;
    if (order.kind === 'pause') pauseRun(child, order.message);
    else if (order.kind === 'resume') resumeRun(child);
    else if (order.state === 'CANCELLED') stopRun(child, 'CANCELLED', order.message);
  }

  #elsewhere(self: Run): Elsewhere {
    const runs = [...this.runs.values()];
    return {
      executions: runs.map((run) => ({
        ...executionView(run),
        state: run.state.state,
        task_execution_id: run.state.parentTaskId,
      })),
      tasks: runs
        .filter((run) => run !== self)
        .flatMap((run) => run.state.tasks.map((task) => taskView(run, task))),
    };
  }
}

/** When it is where nothing has happened. */
const beginning = Date.UTC(2026, 0, 1);

/** Parameters of a sub-workflow: what its parent says, and what the task gave that is no input of it. */
export function childParams(more: Dictionary, run: Run, task: TaskExecution, index: number): Dictionary {
  return {
    root_execution_id: run.state.rootId ?? run.state.id,
    task_execution_id: task.id,
    index,
    namespace: own(run.state.params, 'namespace') ?? '',
    ...more,
  };
}

function refuse(name: string): Outcome {
  return { error: `${name} does not run here` };
}

/** A run as `workflow-run --json` shows it. */
export function shown(run: Run): { [key: string]: Value } {
  const { state } = run;
  return {
    id: state.id,
    workflow_name: state.workflowName,
    state: state.state,
    state_info: state.stateInfo,
    output: state.output,
    tasks: state.tasks.map((task) => ({
      name: task.name,
      state: task.state,
      state_info: task.stateInfo,
      result: resultOf(run, task),
      published: task.published,
    })),
  };
}
