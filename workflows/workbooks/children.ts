import {
  type CancellationScope,
  type ExternalWorkflowHandle,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import { completeChild } from '../../workbooks/engine/events.ts';
import type { ChildOrder } from '../../workbooks/engine/host.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import type { ActionExecution, TaskExecution } from '../../workbooks/engine/state.ts';
import { own } from '../../workbooks/expressions/value.ts';
import type { workbook_run } from '../workbook_run.ts';
import {
  type ChildSignal,
  type LoadedWorkflow,
  messages,
  type OrderSignal,
  type WorkbookEnd,
  type WorkbookRunInput,
  workbookRun,
  workbookRunId,
} from './types.ts';

/** Sub-workflows at a time: Temporal keeps no more than 2,000 open ones of a workflow. */
const width = 100;

/**
 * Sub-workflows of one run: runs of their own, which outlive it. They say by a signal how they ended, since a signal
 * finds the parent after it went on in a new history, or was run again.
 */
export class Children {
  readonly #hear: (event: () => void) => void;
  readonly #scope: CancellationScope;
  readonly #queue: { readonly run: Run; readonly execution: ActionExecution; begin(): void }[] = [];
  /** What was said to another run last: the next word waits for it, and the first one for the start. */
  readonly #said = new Map<string, Promise<void>>();
  #open = 0;
  #starting = 0;
  #talking = 0;
  #held = false;

  constructor(hear: (event: () => void) => void, scope: CancellationScope) {
    this.#hear = hear;
    this.#scope = scope;
  }

  /** Whether a start or a word to another run is on its way. */
  get isBusy(): boolean {
    return this.#starting > 0 || this.#talking > 0;
  }

  /** Those that are to be started as soon as there is room. */
  get queued(): string[] {
    return this.#queue.map(({ execution }) => execution.id);
  }

  /** Whether nothing more is to be started for now. */
  hold(held: boolean): void {
    this.#held = held;
    this.fill();
  }

  start(
    run: Run,
    task: TaskExecution,
    execution: ActionExecution,
    name: string,
    loaded: LoadedWorkflow,
  ): void {
    const input: WorkbookRunInput = {
      execution_id: execution.id,
      workflow: name,
      input: execution.input,
      params: {
        root_execution_id: run.state.rootId ?? run.state.id,
        task_execution_id: task.id,
        index: execution.index,
        namespace: own(run.state.params, 'namespace') ?? '',
      },
      description: 'sub-workflow execution',
      parent: {
        execution_id: run.state.id,
        root_id: run.state.rootId ?? run.state.id,
        root_env: run.state.rootEnv,
        task_id: task.id,
        index: execution.index,
        depth: run.state.depth,
        workbook: loaded.workbook,
        pins: loaded.pins,
      },
    };
    this.#queue.push({ run, execution, begin: () => void this.#begin(run, execution, input) });
    this.fill();
  }

  /** Starts as many as there is room for; none of a run that is paused or cancelled. */
  fill(): void {
    while (!this.#held && this.#open < width) {
      const first = this.#queue[0];
      if (first === undefined || first.run.state.state === 'PAUSED') return;
      this.#queue.shift();
      if (first.execution.state === 'RUNNING' && !this.#scope.consideredCancelled) first.begin();
    }
  }

  async #begin(run: Run, execution: ActionExecution, input: WorkbookRunInput): Promise<void> {
    this.#open += 1;
    this.#starting += 1;
    const starting = startChild<typeof workbook_run>(workbookRun, {
      workflowId: workbookRunId(execution.id),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
    this.#said.set(
      execution.id,
      starting.then(
        () => undefined,
        () => undefined,
      ),
    );
    try {
      const handle = await starting.finally(() => {
        this.#starting -= 1;
        // What waits for the starts to be over looks again.
        this.#hear(() => undefined);
      });
      await handle.result();
    } catch (error) {
      // One that ended by itself has said so before. One that was terminated could not.
      if (!isCancellation(error)) this.#failed(run, execution, error);
    } finally {
      this.#open -= 1;
      this.fill();
    }
  }

  #failed(run: Run, execution: ActionExecution, error: unknown): void {
    const reason =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : '';
    this.#hear(() => void completeChild(run, execution.id, { state: 'ERROR', output: { result: reason } }));
  }

  tell(execution: ActionExecution, order: ChildOrder): void {
    // One that waits for room starts once the run goes on, or never.
    if (this.#queue.some((each) => each.execution === execution)) return;
    if (order.kind === 'stop' && order.message === null) {
      // Temporal takes a run for cancelled, rather than failed, only if it was asked to.
      this.#say(execution.id, (run) => run.cancel());
      return;
    }
    const signal: OrderSignal = order.kind === 'stop' ? { kind: 'stop', message: order.message } : order;
    this.#signal(execution.id, messages.order, signal);
  }

  tellParent(input: WorkbookRunInput, state: 'PAUSED' | 'RUNNING'): void {
    if (input.parent === undefined) return;
    const signal: ChildSignal = { execution_id: input.execution_id, kind: 'state', state };
    this.#signal(input.parent.execution_id, messages.child, signal);
  }

  tellEnd(input: WorkbookRunInput, end: WorkbookEnd, refused: boolean): void {
    if (input.parent === undefined) return;
    const { execution_id } = input;
    const signal: ChildSignal = refused
      ? { execution_id, kind: 'refused', reason: end.state_info ?? 'refused' }
      : { execution_id, kind: 'end', end: { state: end.state, output: end.output } };
    this.#signal(input.parent.execution_id, messages.child, signal);
  }

  #signal(executionId: string, name: string, signal: OrderSignal | ChildSignal): void {
    this.#say(executionId, (run) => run.signal(name, signal));
  }

  /** In the order said. One that has ended hears nothing more, and need not. */
  #say(executionId: string, what: (run: ExternalWorkflowHandle) => Promise<void>): void {
    const before = this.#said.get(executionId) ?? Promise.resolve();
    this.#talking += 1;
    const said = before
      .then(() => what(getExternalWorkflowHandle(workbookRunId(executionId))))
      .catch(() => undefined)
      .finally(() => {
        this.#talking -= 1;
        if (this.#said.get(executionId) === said) this.#said.delete(executionId);
        this.#hear(() => undefined);
      });
    this.#said.set(executionId, said);
  }
}
