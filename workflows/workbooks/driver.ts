import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  upsertMemo,
  uuid4,
} from '@temporalio/workflow';
import { runInline } from '../../workbooks/actions/inline.ts';
import { builtInAction } from '../../workbooks/actions/registry.ts';
import { Definitions } from '../../workbooks/engine/definitions.ts';
import { completeAction, fire } from '../../workbooks/engine/events.ts';
import type { Host } from '../../workbooks/engine/host.ts';
import { begin, failByForce, stopRun } from '../../workbooks/engine/lifecycle.ts';
import { Run } from '../../workbooks/engine/run.ts';
import type {
  ActionExecution,
  RunState,
  StartRequest,
  TaskExecution,
  Timer,
} from '../../workbooks/engine/state.ts';
import { isPausedOrCompleted, type State } from '../../workbooks/engine/states.ts';
import { unstick } from '../../workbooks/engine/stuck.ts';
import { defaultLimits, type EntropySource } from '../../workbooks/expressions/language.ts';
import type { Value } from '../../workbooks/expressions/value.ts';
import { Actions } from './actions.ts';
import { newState } from './beginning.ts';
import { Breath } from './breath.ts';
import { Children } from './children.ts';
import { Elsewheres } from './elsewhere.ts';
import { endOf, endOfRefused, hasOpenChildren } from './ending.ts';
import { historyRoom } from './history.ts';
import { loadWorkflow } from './loading.ts';
import { Mailbox } from './mailbox.ts';
import { resume } from './resuming.ts';
import { share } from './sharing.ts';
import { Timers } from './timers.ts';
import type { LoadedWorkflow, WorkbookEnd, WorkbookRunInput } from './types.ts';

/** Steps of the engine between two turns of the event loop of the workflow: a turn must not take seconds. */
const stepsPerTurn = 1000;

/** Connects a run to Temporal: what the engine asks for becomes activities, timers and other runs, and comes back. */
export class Driver {
  readonly #input: WorkbookRunInput;
  readonly #actions: Actions;
  readonly #children: Children;
  readonly #mailbox: Mailbox;
  readonly #timers: Timers;
  readonly #source: EntropySource = { now: () => Date.now(), uuid: uuid4, random: () => Math.random() };
  /** What was heard from outside, to be handed to the engine in order. */
  readonly #inbox: (() => void)[] = [];
  readonly #breath = new Breath();
  readonly #work = new CancellationScope();
  #elsewheres = new Elsewheres();
  #loaded: LoadedWorkflow | undefined;
  #run: Run | undefined;
  #cancelled = false;
  #end: WorkbookEnd | undefined;
  #shownState = '';

  constructor(input: WorkbookRunInput) {
    this.#input = input;
    const hear = (event: () => void) => void this.#inbox.push(event);
    this.#actions = new Actions(hear, this.#work);
    this.#children = new Children(hear, this.#work);
    this.#timers = new Timers(hear, this.#work);
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

  /** Its state, if it is paused or over; also of one that could not begin. */
  get restingState(): State | undefined {
    if (this.#run === undefined) return this.#end?.state;
    return isPausedOrCompleted(this.#run.state.state) ? this.#run.state.state : undefined;
  }

  /** All from which the run can go on elsewhere. */
  get snapshot() {
    if (this.#run === undefined || this.#loaded === undefined) return undefined;
    return {
      state: this.#run.state,
      loaded: this.#loaded,
      awaiting: this.#actions.awaiting,
      queued: this.#children.queued,
    };
  }

  /** Somebody cancelled the workflow in Temporal. */
  cancel(): void {
    this.#cancelled = true;
    if (this.#run === undefined) this.#work.cancel();
    else this.#inbox.push(() => this.stop(null));
  }

  /** Cancels the run with all that it has under way. */
  stop(message: string | null): void {
    if (this.#run === undefined) return;
    stopRun(this.#run, 'CANCELLED', message);
    this.#work.cancel();
    this.#actions.drop();
  }

  /** Whether a run that is over still waits for what it has started, and may be run again here. */
  get isOpen(): boolean {
    return this.#run?.isCompleted === true && !this.#work.consideredCancelled;
  }

  /**
   * Runs to the end. `onEnd` is told as soon as that is known: actions and sub-workflows that are still running then run
   * to their own end, as in Mistral, unless the run was cancelled. It is told again if somebody runs a task once more
   * meanwhile.
   */
  async drive(onEnd: (end: WorkbookEnd) => void): Promise<WorkbookEnd> {
    const refusal = await this.#start();
    for (;;) {
      const end = refusal ?? (await this.#loop());
      this.#end = end;
      onEnd(end);
      this.#shownState = end.state;
      this.#children.tellEnd(this.#input, end, refusal?.state === 'ERROR');
      if (end.state === 'CANCELLED') {
        this.#work.cancel();
        this.#actions.drop();
      }
      if (await this.#isOver()) {
        this.#work.cancel();
        return end;
      }
    }
  }

  async #start(): Promise<WorkbookEnd | undefined> {
    const { resumed } = this.#input;
    this.#mailbox.open();
    try {
      this.#loaded = resumed?.loaded ?? (await this.#work.run(() => loadWorkflow(this.#input)));
      const { run, starts } = resumed
        ? resume(resumed, (state) => this.#made(state))
        : { run: this.#made(newState(this.#input, this.#loaded, this.#source)), starts: [] };
      this.#elsewheres = new Elsewheres(this.#loaded.spec);
      await this.#work.run(() => this.#elsewheres.refresh(run));
      // From here on a cancel is the run's own.
      this.#run = run;
      for (const timer of run.state.timers) this.#startTimer(timer);
      for (const { task, execution } of starts) this.#startExecution(run, task, execution);
      if (resumed === undefined) begin(run);
      return undefined;
    } catch (error) {
      if (this.#cancelled) return { state: 'CANCELLED', state_info: null, output: {} };
      this.#run = undefined;
      return endOfRefused(error);
    }
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
      const isUnfinished = this.#settle(run);
      this.#showState(run);
      this.#children.fill();
      if (isUnfinished) {
        await this.#breath.take();
        continue;
      }
      if (this.#inbox.length > 0) continue;
      const end = endOf(run.state);
      if (end !== undefined) return end;
      if (!this.#actions.isBusy && !this.#children.isBusy && unstick(run)) continue;
      await this.#goOnInNewHistory();
      await condition(() => this.#inbox.length > 0);
      await this.#elsewheres.refresh(run);
    }
  }

  /** Waits for what a run that has ended left under way; false if it goes on, because a task of it is run again. */
  async #isOver(): Promise<boolean> {
    this.#hold(false);
    const run = this.#run;
    const isQuiet = () =>
      !this.#actions.isBusy &&
      !this.#children.isBusy &&
      !this.#timers.isSleeping &&
      (this.#work.consideredCancelled || run === undefined || !hasOpenChildren(run.state)) &&
      allHandlersFinished();
    for (;;) {
      this.#handleInbox();
      if (run !== undefined) {
        while (this.#settle(run)) await this.#breath.take();
        if (!run.isCompleted) return false;
      }
      if (this.#inbox.length > 0) continue;
      if (isQuiet()) return true;
      await condition(() => this.#inbox.length > 0 || isQuiet());
    }
  }

  #handleInbox(): void {
    for (let event = this.#inbox.shift(); event !== undefined; event = this.#inbox.shift()) {
      this.#guarded(event);
    }
  }

  #settle(run: Run): boolean {
    let isUnfinished = true;
    this.#guarded(() => {
      isUnfinished = run.settle(stepsPerTurn);
    });
    return isUnfinished;
  }

  /** What nobody foresaw fails the run, rather than the worker's turn again and again. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (this.#run === undefined || this.#run.isCompleted) return;
      failByForce(this.#run, error instanceof Error ? error.message : String(error));
    }
  }

  /** A list shows whether the run is paused. */
  #showState(run: Run): void {
    const { state } = run.state;
    if (state === this.#shownState || run.isCompleted) return;
    if (this.#shownState !== '' || state === 'PAUSED') upsertMemo({ state, output: null });
    this.#shownState = state;
  }

  async #goOnInNewHistory(): Promise<void> {
    const { isLong, isFull } = historyRoom(this.#input.history);
    this.#hold(isFull);
    const isBusy = this.#actions.isRunning || this.#children.isBusy;
    if (!isLong || isBusy || !this.#mailbox.isQuiet || this.#inbox.length > 0) return;
    const { resumed: _, ...input } = this.#input;
    const { snapshot } = this;
    if (snapshot === undefined) return;
    const { value, table } = share(snapshot.state as unknown as Value);
    await continueAsNew<(input: WorkbookRunInput) => Promise<WorkbookEnd>>({
      ...input,
      resumed: { ...snapshot, state: value as unknown as RunState, table },
    });
  }

  #hold(held: boolean): void {
    this.#timers.hold(held);
    this.#actions.hold(held);
    this.#children.hold(held);
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
    const done = () => completeAction(run, execution.id, outcome);
    const due = execution.createdAt + delay * 1000;
    if (due <= Date.now()) run.later(done);
    else this.#timers.sleepUntil(due, done);
  }

  #startTimer({ due, id }: Timer): void {
    this.#timers.at(due, () => {
      if (this.#run !== undefined) fire(this.#run, id);
    });
  }
}
