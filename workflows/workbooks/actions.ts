import {
  ActivityCancellationType,
  type CancellationScope,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type { WorkbookActivities } from '../../activities/workbooks/action-run.ts';
import type { ActionFacts } from '../../workbooks/actions/action.ts';
import { completeAction } from '../../workbooks/engine/events.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import type { ActionExecution, StartRequest, TaskExecution } from '../../workbooks/engine/state.ts';
import { wordsOf } from '../failure.ts';

type Request = Extract<StartRequest, { kind: 'action' }>;

/** Actions at a time: Temporal keeps no more than 2,000 pending ones of a workflow, and workers have other work too. */
const width = 200;

/** Actions of one run that are activities: started as there is room, their ends handed on. */
export class Actions {
  readonly #hear: (event: () => void) => void;
  readonly #scope: CancellationScope;
  readonly #queue: (() => void)[] = [];
  readonly #awaiting = new Set<string>();
  readonly #pending = new Set<Promise<void>>();
  #held = false;

  constructor(hear: (event: () => void) => void, scope: CancellationScope) {
    this.#hear = hear;
    this.#scope = scope;
  }

  /** Asynchronous ones that were started, and whose end comes as an update. */
  get awaiting(): string[] {
    return [...this.#awaiting];
  }

  get isRunning(): boolean {
    return this.#pending.size > 0;
  }

  get isBusy(): boolean {
    return this.#pending.size > 0 || this.#queue.length > 0;
  }

  awaits(id: string): void {
    this.#awaiting.add(id);
  }

  /** Whether nothing more is to be started for now. */
  hold(held: boolean): void {
    this.#held = held;
    this.#fill();
  }

  /** Forgets what has not been started. */
  drop(): void {
    this.#queue.length = 0;
  }

  start(
    run: Run,
    task: TaskExecution,
    execution: ActionExecution,
    request: Request,
    facts: ActionFacts,
  ): void {
    this.#queue.push(() => {
      if (execution.state !== 'RUNNING' || this.#scope.consideredCancelled) return;
      const pending: Promise<void> = this.#scope
        .run(() => this.#execute(run, task, execution, request, facts))
        .finally(() => {
          this.#pending.delete(pending);
          this.#fill();
        });
      this.#pending.add(pending);
    });
    this.#fill();
  }

  #fill(): void {
    while (!this.#held && this.#pending.size < width) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next();
    }
  }

  async #execute(
    run: Run,
    task: TaskExecution,
    execution: ActionExecution,
    request: Request,
    facts: ActionFacts,
  ): Promise<void> {
    const { action_run } = proxyActivities<WorkbookActivities>({
      startToCloseTimeout: request.timeout === null ? '7 days' : `${request.timeout + 60} seconds`,
      heartbeatTimeout: '20 seconds',
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
      // Whether an action that was cut off may run again, the activity itself decides: it has to say so if not.
      retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 20 },
      ...(typeof request.target === 'string' && request.target !== '' ? { taskQueue: request.target } : {}),
    });
    try {
      const outcome = await action_run({
        name: request.base,
        shown: request.shown,
        input: request.input,
        timeout: request.timeout,
        safe_rerun: request.safeRerun,
        execution: {
          workflow_execution_id: run.state.id,
          task_execution_id: task.id,
          action_execution_id: execution.id,
          workflow_name: run.state.workflowName,
        },
      });
      if (facts.synchronous || 'error' in outcome) {
        this.#hear(() => void completeAction(run, execution.id, outcome));
      } else this.#awaiting.add(execution.id);
    } catch (error) {
      if (isCancellation(error)) return;
      this.#hear(() => void completeAction(run, execution.id, { error: wordsOf(error).error }));
    }
  }
}
