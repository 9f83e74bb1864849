import {
  CancellationScope,
  condition,
  continueAsNew,
  sleep,
  upsertMemo,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { runInline } from '../../workbooks/actions/inline.ts';
import { builtInAction } from '../../workbooks/actions/registry.ts';
import { Definitions } from '../../workbooks/engine/definitions.ts';
import { completeAction, fire } from '../../workbooks/engine/events.ts';
import type { Host } from '../../workbooks/engine/host.ts';
import { begin, stopRun } from '../../workbooks/engine/lifecycle.ts';
import { newRun } from '../../workbooks/engine/new-run.ts';
import { Run } from '../../workbooks/engine/run.ts';
import { splitInput } from '../../workbooks/engine/start.ts';
import type {
  ActionExecution,
  RunState,
  StartRequest,
  TaskExecution,
  Timer,
} from '../../workbooks/engine/state.ts';
import { unstick } from '../../workbooks/engine/stuck.ts';
import { defaultLimits, type EntropySource } from '../../workbooks/expressions/language.ts';
import { normalizeWorkflow } from '../../workbooks/language/normalize.ts';
import { Actions } from './actions.ts';
import { Children } from './children.ts';
import { Elsewheres } from './elsewhere.ts';
import { loadWorkflow } from './loading.ts';
import { Mailbox } from './mailbox.ts';
import { resume } from './resuming.ts';
import type { LoadedWorkflow, WorkbookEnd, WorkbookRunInput } from './types.ts';

/** Steps of the engine between two turns of the event loop of the workflow: a turn must not take seconds. */
const stepsPerTurn = 1000;
/** Events of a history beyond which a run goes on in a new one, once nothing is under way. */
const longHistory = 8_000;
/** Beyond which nothing more is started before that. */
const fullHistory = 20_000;

/** Connects a run to Temporal: what the engine asks for becomes activities, timers and other runs, and comes back. */
export class Driver {
  readonly #input: WorkbookRunInput;
  readonly #actions: Actions;
  readonly #children: Children;
  readonly #mailbox: Mailbox;
  readonly #source: EntropySource = { now: () => Date.now(), uuid: uuid4, random: () => Math.random() };
  /** What was heard from outside, to be handed to the engine in order. */
  readonly #inbox: (() => void)[] = [];
  readonly #work = new CancellationScope();
  #elsewheres = new Elsewheres();
  #loaded: LoadedWorkflow | undefined;
  #run: Run | undefined;
  #cancelled = false;
  #shownState = '';

  constructor(input: WorkbookRunInput) {
    this.#input = input;
    const hear = (event: () => void) => void this.#inbox.push(event);
    this.#actions = new Actions(hear, this.#work);
    this.#children = new Children(hear, this.#work);
    this.#mailbox = new Mailbox(this, hear);
  }

  get workflowName(): string {
    return this.#loaded?.name ?? this.#input.workflow;
  }

  /** The run, once it has begun. */
  get run(): Run | undefined {
    return this.#run;
  }

  get input(): WorkbookRunInput {
    return this.#input;
  }

  /** All from which the run can go on elsewhere. */
  get snapshot() {
    if (this.#run === undefined || this.#loaded === undefined) return undefined;
    return { state: this.#run.state, loaded: this.#loaded, awaiting: this.#actions.awaiting };
  }

  /** Somebody cancelled the workflow in Temporal. */
  cancel(): void {
    this.#cancelled = true;
    this.#inbox.push(() => {
      if (this.#run === undefined) return;
      stopRun(this.#run, 'CANCELLED', null);
      this.#work.cancel();
    });
  }

  /**
   * Runs to the end. `onEnd` is told as soon as that is known: actions that are still running then run to their own end,
   * as in Mistral, unless the run was cancelled.
   */
  async drive(onEnd: (end: WorkbookEnd) => void): Promise<WorkbookEnd> {
    const refusal = await this.#start();
    const end = refusal ?? (await this.#loop());
    onEnd(end);
    await this.#children.tellEnd(this.#input, end, refusal !== undefined);
    if (end.state === 'CANCELLED') this.#work.cancel();
    while (this.#run !== undefined && this.#actions.isBusy) {
      await condition(() => this.#inbox.length > 0 || !this.#actions.isBusy);
      this.#handleInbox();
      while (this.#run.settle(stepsPerTurn)) await sleep(1);
    }
    this.#work.cancel();
    return end;
  }

  async #start(): Promise<WorkbookEnd | undefined> {
    const { resumed } = this.#input;
    this.#mailbox.open();
    try {
      this.#loaded = resumed?.loaded ?? (await loadWorkflow(this.#input));
      if (this.#cancelled) return { state: 'CANCELLED', state_info: null, output: {} };
      const { run, starts } = resumed
        ? resume(resumed, (state) => this.#made(state))
        : { run: this.#made(this.#newState(this.#loaded)), starts: [] };
      this.#run = run;
      this.#elsewheres = new Elsewheres(this.#loaded.spec);
      await this.#elsewheres.refresh(run);
      for (const timer of run.state.timers) this.#startTimer(timer);
      for (const { task, execution } of starts) this.#startExecution(run, task, execution);
      if (resumed === undefined) begin(run);
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? wordsOf(error) : String(error);
      return { state: 'ERROR', state_info: reason, output: { result: reason } };
    }
  }

  #newState(loaded: LoadedWorkflow): RunState {
    const { execution_id: id, description, parent, params } = this.#input;
    const local = loaded.workbook === null ? loaded.name : loaded.name.slice(loaded.workbook.length + 1);
    const common = {
      id,
      workflowName: loaded.name,
      ...(loaded.workbook === null ? {} : { workbook: loaded.workbook }),
      spec: loaded.spec,
      description,
    };
    if (parent === undefined) {
      return newRun({ ...common, input: this.#input.input, params }, this.#source, defaultLimits);
    }
    const names = normalizeWorkflow(local, loaded.spec).input.map(({ name }) => name);
    const split = splitInput(this.#input.input, names);
    const of = {
      rootId: parent.root_id,
      rootEnv: parent.root_env,
      taskId: parent.task_id,
      index: parent.index,
    };
    const start = { ...common, input: split.input, params: { ...params, ...split.params }, parent: of };
    return newRun(start, this.#source, defaultLimits);
  }

  #made(state: RunState): Run {
    const definitions = new Definitions();
    for (const [name, spec] of Object.entries(this.#loaded?.actions ?? {})) definitions.addAction(name, spec);
    const elsewheres = () => this.#elsewheres;
    const host: Host = {
      source: this.#source,
      limits: defaultLimits,
      findAction: (name) => definitions.action(name),
      start: (task, execution) => this.#startExecution(run, task, execution),
      startTimer: (timer) => this.#startTimer(timer),
      tellChild: (execution, order) => this.#children.tell(execution, order),
      tellParent: (told) => this.#children.tellParent(this.#input, told),
      get elsewhere() {
        return elsewheres().seen;
      },
    };
    const run: Run = new Run(state, host);
    return run;
  }

  async #loop(): Promise<WorkbookEnd> {
    const run = this.#run as Run;
    for (;;) {
      this.#handleInbox();
      if (run.settle(stepsPerTurn)) {
        this.#showState(run);
        await sleep(1);
        continue;
      }
      this.#showState(run);
      if (this.#inbox.length > 0) continue;
      const end = endOf(run.state);
      if (end !== undefined) return end;
      const idle = !this.#actions.isBusy && !this.#children.isStarting;
      if (idle && unstick(run)) continue;
      await this.#goOnInNewHistory(idle);
      await condition(() => this.#inbox.length > 0);
      await this.#elsewheres.refresh(run);
    }
  }

  #handleInbox(): void {
    for (let event = this.#inbox.shift(); event !== undefined; event = this.#inbox.shift()) event();
  }

  /** A list shows whether the run is paused. */
  #showState(run: Run): void {
    const { state } = run.state;
    if (state === this.#shownState) return;
    if (state === 'PAUSED' || this.#shownState === 'PAUSED') upsertMemo({ state });
    this.#shownState = state;
  }

  async #goOnInNewHistory(idle: boolean): Promise<void> {
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    this.#actions.hold(historyLength > fullHistory);
    const isLong = continueAsNewSuggested || historyLength > longHistory;
    const snapshot = this.snapshot;
    if (!isLong || snapshot === undefined || this.#actions.isRunning || this.#children.isStarting) return;
    if (!idle && historyLength <= longHistory) return;
    if (!this.#mailbox.isQuiet || this.#inbox.length > 0) return;
    const { resumed: _, ...input } = this.#input;
    await continueAsNew<(input: WorkbookRunInput) => Promise<WorkbookEnd>>({ ...input, resumed: snapshot });
  }

  #startExecution(run: Run, task: TaskExecution, execution: ActionExecution): void {
    const request = execution.start;
    if (request.kind === 'workflow') {
      this.#children.start(run, task, execution, request.workflow, this.#loaded as LoadedWorkflow);
    } else this.#startAction(run, task, execution, request);
  }

  #startAction(
    run: Run,
    task: TaskExecution,
    execution: ActionExecution,
    request: Extract<StartRequest, { kind: 'action' }>,
  ): void {
    const facts = builtInAction(request.base);
    if (facts === undefined) {
      run.later(() => completeAction(run, execution.id, { error: `there is no action ${request.base}` }));
      return;
    }
    if (facts.runs === 'activity') {
      this.#actions.start(run, task, execution, request, facts);
      return;
    }
    const { delay, ...outcome } = runInline(facts, request.input, execution.id, request.shown);
    if (!facts.synchronous && !('error' in outcome)) {
      this.#actions.awaits(execution.id);
      return;
    }
    const left = execution.createdAt + delay * 1000 - Date.now();
    const done = () => completeAction(run, execution.id, outcome);
    if (left <= 0) run.later(done);
    else this.#after(left, done);
  }

  #startTimer(timer: Timer): void {
    this.#after(timer.due - Date.now(), () => {
      if (this.#run !== undefined) fire(this.#run, timer.id);
    });
  }

  #after(milliseconds: number, what: () => void): void {
    void this.#work
      .run(() => sleep(Math.max(1, milliseconds)))
      .then(
        () => this.#inbox.push(what),
        () => undefined,
      );
  }
}

function endOf({ state, stateInfo, output }: RunState): WorkbookEnd | undefined {
  if (state !== 'SUCCESS' && state !== 'ERROR' && state !== 'CANCELLED') return undefined;
  return { state, state_info: stateInfo, output };
}

/** The innermost words of what Temporal wraps. */
function wordsOf(error: Error): string {
  return error.cause instanceof Error ? wordsOf(error.cause) : error.message;
}
