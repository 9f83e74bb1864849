import {
  type CancellationScope,
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

/**
 * Sub-workflows of one run: runs of their own, which outlive it. They say by a signal how they ended, since a signal
 * finds the parent after it went on in a new history, or was run again.
 */
export class Children {
  readonly #hear: (event: () => void) => void;
  readonly #scope: CancellationScope;
  #starting = 0;

  constructor(hear: (event: () => void) => void, scope: CancellationScope) {
    this.#hear = hear;
    this.#scope = scope;
  }

  get isStarting(): boolean {
    return this.#starting > 0;
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
        workbook: loaded.workbook,
        pins: loaded.pins,
      },
    };
    this.#starting += 1;
    void this.#begin(run, execution, input);
  }

  async #begin(run: Run, execution: ActionExecution, input: WorkbookRunInput): Promise<void> {
    let result: Promise<unknown>;
    try {
      const handle = await startChild<typeof workbook_run>(workbookRun, {
        workflowId: workbookRunId(execution.id),
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
      });
      result = this.#scope.run(() => handle.result());
    } catch (error) {
      this.#failed(run, execution, error);
      return;
    } finally {
      this.#starting -= 1;
      // What waits for the starts to be over looks again.
      this.#hear(() => undefined);
    }
    try {
      await result;
    } catch (error) {
      // One that ended by itself has said so before. One that was terminated could not.
      if (!isCancellation(error)) this.#failed(run, execution, error);
    }
  }

  #failed(run: Run, execution: ActionExecution, error: unknown): void {
    const reason =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : '';
    this.#hear(() => void completeChild(run, execution.id, { state: 'ERROR', output: { result: reason } }));
  }

  tell(execution: ActionExecution, order: ChildOrder): void {
    const signal: OrderSignal = order.kind === 'stop' ? { kind: 'stop', message: order.message } : order;
    void this.#signal(execution.id, messages.order, signal);
  }

  tellParent(input: WorkbookRunInput, state: 'PAUSED' | 'RUNNING'): void {
    if (input.parent === undefined) return;
    const signal: ChildSignal = { execution_id: input.execution_id, kind: 'state', state };
    void this.#signal(input.parent.execution_id, messages.child, signal);
  }

  async tellEnd(input: WorkbookRunInput, end: WorkbookEnd, refused: boolean): Promise<void> {
    if (input.parent === undefined) return;
    const { execution_id } = input;
    const signal: ChildSignal = refused
      ? { execution_id, kind: 'refused', reason: end.state_info ?? 'refused' }
      : { execution_id, kind: 'end', end: { state: end.state, output: end.output } };
    await this.#signal(input.parent.execution_id, messages.child, signal);
  }

  /** One that has ended hears nothing more, and need not. */
  async #signal(executionId: string, name: string, signal: OrderSignal | ChildSignal): Promise<void> {
    try {
      await getExternalWorkflowHandle(workbookRunId(executionId)).signal(name, signal);
    } catch {
      // It is over.
    }
  }
}
