import type { Dictionary, Value } from '../expressions/value.ts';
import type { WorkflowDefinition } from '../language/definition.ts';
import { normalizeWorkflow } from '../language/normalize.ts';
import { Graph } from './graph.ts';
import type { Host } from './host.ts';
import { Outlook } from './outlook.ts';
import { RunError } from './run-error.ts';
import { Holdings } from './size.ts';
import type { ActionExecution, RunState, TaskExecution, Timer } from './state.ts';
import { isCompleted, type State, shortInfo } from './states.ts';

/** A run at work: its state, and all that is derived from it. What it does is in the files beside this one. */
export class Run {
  readonly state: RunState;
  readonly host: Host;
  readonly definition: WorkflowDefinition;
  readonly graph: Graph;
  readonly outlook: Outlook;
  readonly #byId = new Map<string, TaskExecution>();
  readonly #byName = new Map<string, TaskExecution[]>();
  readonly #actions = new Map<string, { task: TaskExecution; execution: ActionExecution }>();
  readonly #queue: (() => void)[] = [];
  readonly #refreshing = new Set<string>();
  readonly #holdings = new Holdings();
  #nextTimer: number;
  #incomplete = 0;
  #waiting = 0;

  /** Takes up a run where its state stands; `begin()` is how a new one starts. @throws RunError if it holds too much */
  constructor(state: RunState, host: Host) {
    this.state = state;
    this.host = host;
    const local =
      state.workbook === undefined ? undefined : state.workflowName.slice(state.workbook.length + 1);
    this.definition = normalizeWorkflow(local ?? state.workflowName, state.spec);
    this.graph = new Graph(this.definition);
    this.outlook = new Outlook(this);
    for (const part of parts) this.hold(state, part, state[part]);
    for (const task of state.tasks) {
      this.#index(task);
      this.#holdTask(task);
    }
    this.#nextTimer = 1 + state.timers.reduce((last, { id }) => Math.max(last, id), 0);
  }

  /** The newest last. */
  named(name: string): readonly TaskExecution[] {
    return this.#byName.get(name) ?? [];
  }

  newest(name: string): TaskExecution | undefined {
    return this.#byName.get(name)?.at(-1);
  }

  task(id: string): TaskExecution {
    const task = this.#byId.get(id);
    if (task === undefined) throw new RunError(`there is no task execution ${id}`);
    return task;
  }

  action(id: string): { task: TaskExecution; execution: ActionExecution } | undefined {
    return this.#actions.get(id);
  }

  /** How many tasks have not ended. */
  get incomplete(): number {
    return this.#incomplete;
  }

  /** Whether any join waits. */
  get hasWaiting(): boolean {
    return this.#waiting > 0;
  }

  get isCompleted(): boolean {
    return isCompleted(this.state.state);
  }

  addTask(task: TaskExecution): void {
    if (this.state.tasks.length >= taskLimit) {
      throw new RunError(
        `the run has reached ${taskLimit} task executions: does one of its cycles never end?`,
      );
    }
    this.hold(task, 'inContext', task.inContext);
    this.state.tasks.push(task);
    this.#index(task);
  }

  /**
   * Counts a value that the state now has, or is about to have, in the place of what it had there.
   * @throws RunError where it is nested too deeply, or the run would hold too much
   */
  hold(owner: object, part: string, value: Value): void {
    this.#holdings.hold(owner, part, value);
  }

  /** Looks at a value that is made of what the run holds. @throws RunError as `hold` */
  check(value: Value): void {
    this.#holdings.check(value);
  }

  #holdTask(task: TaskExecution): void {
    this.hold(task, 'inContext', task.inContext);
    this.hold(task, 'published', task.published);
    for (const execution of task.executions) this.#holdExecution(execution);
  }

  #holdExecution(execution: ActionExecution): void {
    const { start } = execution;
    this.hold(execution, 'input', execution.input);
    if (start.kind === 'action') this.hold(execution, 'start', start.input);
    this.hold(execution, 'output', execution.output);
  }

  addAction(task: TaskExecution, execution: ActionExecution): void {
    this.#holdExecution(execution);
    task.executions.push(execution);
    this.#actions.set(execution.id, { task, execution });
  }

  /** Forgets a sub-workflow that never began. */
  removeAction(task: TaskExecution, id: string): void {
    task.executions = task.executions.filter((execution) => execution.id !== id);
    this.#actions.delete(id);
  }

  /** Sets a task's state alone: what follows from it is the caller's. */
  setTaskState(task: TaskExecution, state: State, info: string | null): void {
    const short = shortInfo(info);
    if (task.state === state && task.stateInfo === short) return;
    const now = this.host.source.now();
    this.#count(task, -1);
    if (state === 'RUNNING' && (task.state === 'WAITING' || task.state === 'IDLE')) task.startedAt = now;
    if (isCompleted(state)) task.finishedAt = now;
    task.state = state;
    task.stateInfo = short;
    task.updatedAt = now;
    this.#count(task, 1);
  }

  startTimer(seconds: number, job: Timer['job']): void {
    const timer = { id: this.#nextTimer++, due: this.host.source.now() + seconds * 1000, job };
    this.state.timers.push(timer);
    this.host.startTimer(timer);
  }

  /** Takes a timer out of those that are pending; undefined if it is none of them any more. */
  takeTimer(id: number): Timer | undefined {
    const at = this.state.timers.findIndex((timer) => timer.id === id);
    return at < 0 ? undefined : this.state.timers.splice(at, 1)[0];
  }

  /** Does something after what is at hand, in the order asked for. */
  later(step: () => void): void {
    this.#queue.push(step);
  }

  /** Looks at a join once more, after what is at hand; asked for several times, once. */
  refreshLater(task: TaskExecution, refresh: () => void): void {
    if (this.#refreshing.has(task.id)) return;
    this.#refreshing.add(task.id);
    this.later(() => {
      this.#refreshing.delete(task.id);
      refresh();
    });
  }

  /**
   * Does up to so many of the steps that are due; false once there are none. A driver goes on in between, so that a
   * cycle that never ends does not hold it up.
   */
  settle(steps: number): boolean {
    for (let done = 0; done < steps; done++) {
      const step = this.#queue[this.#head];
      if (step === undefined) {
        this.#queue.length = 0;
        this.#head = 0;
        return false;
      }
      this.#queue[this.#head++] = nothing;
      step();
    }
    return true;
  }

  #head = 0;

  /** Evaluates what may contain expressions, as a task sees it; `more` comes before everything else. */
  evaluate(value: Value, task?: TaskExecution, more?: Dictionary): Value {
    return this.outlook.evaluate(value, this.outlook.ofTask(task, more), task);
  }

  #index(task: TaskExecution): void {
    this.#byId.set(task.id, task);
    const others = this.#byName.get(task.name);
    if (others === undefined) this.#byName.set(task.name, [task]);
    else others.push(task);
    for (const execution of task.executions) this.#actions.set(execution.id, { task, execution });
    this.#count(task, 1);
  }

  #count(task: TaskExecution, by: 1 | -1): void {
    if (!isCompleted(task.state)) this.#incomplete += by;
    if (task.state === 'WAITING') this.#waiting += by;
  }
}

/** A cycle that never ends must not fill a worker's memory. */
const taskLimit = 100_000;

const parts = ['input', 'params', 'context', 'output', 'rootEnv'] as const;

function nothing(): void {}
