import { HandlerUnfinishedPolicy } from '@temporalio/common';
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import type { Outcome } from '../../workbooks/actions/action.ts';
import { builtInAction } from '../../workbooks/actions/registry.ts';
import {
  completeAction,
  completeChild,
  refuseChild,
  updateAction,
  updateChild,
} from '../../workbooks/engine/events.ts';
import { pauseRun, reopenTask, rerunTask, resumeRun } from '../../workbooks/engine/lifecycle.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import type { State } from '../../workbooks/engine/states.ts';
import type { Dictionary } from '../../workbooks/expressions/value.ts';
import type { Driver } from './driver.ts';
import {
  type ActionUpdate,
  type ChildSignal,
  messages,
  type OrderSignal,
  type ResumedRun,
  type WorkbookView,
} from './types.ts';
import { viewOf } from './view.ts';

/** What others say to a run, and ask of it. */
export class Mailbox {
  readonly #driver: Driver;
  readonly #hear: (event: () => void) => void;
  #open = 0;

  constructor(driver: Driver, hear: (event: () => void) => void) {
    this.#driver = driver;
    this.#hear = hear;
  }

  /** Whether nobody waits for an answer. */
  get isQuiet(): boolean {
    return this.#open === 0;
  }

  open(): void {
    setHandler(defineSignal<[OrderSignal]>(messages.order), (order) =>
      this.#inTurn((run) => this.#obey(run, order)),
    );
    setHandler(defineSignal<[ChildSignal]>(messages.child), (signal) =>
      this.#inTurn((run) => hearChild(run, signal)),
    );
    setHandler(defineUpdate<void, []>(messages.pause), () => this.#answer((run) => pauseRun(run, null)));
    setHandler(defineUpdate<void, [Dictionary]>(messages.resume), (env) =>
      this.#answer((run) => {
        if (run.state.state !== 'PAUSED') throw refused(`it is not paused, but ${run.state.state}`);
        resumeRun(run, env);
      }),
    );
    setHandler(
      defineUpdate<void, [{ task_id: string; reset: boolean; skip: boolean; env: Dictionary }]>(
        messages.rerun,
      ),
      // Also of a run that is over, and waits for what it has started.
      ({ task_id, ...how }) =>
        this.#answer((run) => rerunTask(run, run.task(task_id), how), this.#driver.isOpen),
    );
    setHandler(defineUpdate<void, [ActionUpdate]>(messages.update), (update) =>
      this.#answer((run) => applyUpdate(run, update)),
    );
    setHandler(
      defineUpdate<State, []>(messages.wait),
      async () => {
        await condition(() => this.#driver.restingState !== undefined);
        return this.#driver.restingState as State;
      },
      { unfinishedPolicy: HandlerUnfinishedPolicy.ABANDON },
    );
    setHandler(defineQuery<WorkbookView | null>(messages.view), () => {
      const { run } = this.#driver;
      return run === undefined ? null : viewOf(run, this.#driver.input);
    });
    setHandler(defineQuery<ResumedRun | null>(messages.snapshot), () => this.#driver.snapshot ?? null);
  }

  /** Does something with the run as soon as there is one, in the order heard. */
  #inTurn(what: (run: Run) => void): void {
    this.#hear(() => {
      const { run } = this.#driver;
      if (run !== undefined) what(run);
    });
  }

  #obey(run: Run, order: OrderSignal): void {
    if (order.kind === 'reopen') {
      if (!run.isCompleted || this.#driver.isOpen) reopenTask(run, order.execution_id);
    } else if (run.isCompleted) return;
    else if (order.kind === 'pause') pauseRun(run, order.message);
    else if (order.kind === 'resume') resumeRun(run);
    else this.#driver.stop(order.message);
  }

  async #answer(what: (run: Run) => void, evenIfOver = false): Promise<void> {
    this.#open += 1;
    try {
      let answer: { error?: unknown } | undefined;
      this.#hear(() => {
        try {
          const { run } = this.#driver;
          if (run === undefined) throw refused('it could not begin');
          if (run.isCompleted && !evenIfOver) throw refused(`it is over already (${run.state.state})`);
          what(run);
          answer = {};
        } catch (error) {
          answer = { error };
        }
      });
      await condition(() => answer !== undefined);
      const error = answer?.error;
      if (error instanceof ApplicationFailure) throw error;
      if (error !== undefined) throw refused(error instanceof Error ? error.message : String(error));
    } finally {
      this.#open -= 1;
      // What waits for the last answer to be given looks again.
      this.#hear(() => undefined);
    }
  }
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'conflict', nonRetryable: true });
}

function hearChild(run: Run, signal: ChildSignal): void {
  if (signal.kind === 'state') updateChild(run, signal.execution_id, signal.state);
  else if (signal.kind === 'end') completeChild(run, signal.execution_id, signal.end);
  else refuseChild(run, signal.execution_id, signal.reason);
}

function applyUpdate(run: Run, { action_execution_id: id, state, output }: ActionUpdate): void {
  const found = run.action(id);
  if (found === undefined) throw refused(`it has no action execution ${id}`);
  const { start, state: now } = found.execution;
  if (start.kind === 'workflow')
    throw refused('that is a sub-workflow: pause, resume or cancel its execution');
  if (now === 'SUCCESS' || now === 'ERROR' || now === 'CANCELLED') {
    throw refused(`the action execution is over already (${now})`);
  }
  const outcomes: Partial<Record<typeof state, Outcome | 'cancelled'>> = {
    SUCCESS: { result: output },
    ERROR: { error: output ?? 'Unknown error' },
    CANCELLED: 'cancelled',
  };
  const outcome = outcomes[state];
  if (outcome !== undefined) completeAction(run, id, outcome);
  else updateAction(run, id, state, builtInAction(start.base)?.synchronous ?? true);
}
