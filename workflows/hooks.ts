import {
  ActivityCancellationType,
  type ActivityOptions,
  CancellationScope,
  proxyActivities,
} from '@temporalio/workflow';
import type { BackupRef } from '../activities/backup.ts';
import type { HookActivities, HookInput, HookOutcome } from '../activities/hooks.ts';
import type { Hook } from '../repository/hook.ts';
import { type FailureWords, wordsOf } from './failure.ts';
import type { PreparedBackup } from './types.ts';

/** The activity itself keeps the limit of its hook, of a day at most. */
const common: ActivityOptions = {
  startToCloseTimeout: '25 hours',
  heartbeatTimeout: '20 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
};
const retry = { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 3 } as const;

/**
 * What runs around the dump of one backup. A run without hooks does nothing here, and leaves no trace in its history.
 */
export class RunHooks {
  readonly #input: Omit<HookInput, 'hook' | 'outcome'>;
  readonly #hooks: readonly Hook[];

  constructor(ref: BackupRef, prepared: PreparedBackup) {
    this.#input = { ...ref, prepared };
    this.#hooks = prepared.hooks ?? [];
  }

  /** In turn, until one fails that must not. Only a worker that was lost has one run again. */
  async before(): Promise<void> {
    for (const hook of this.#of('before')) {
      try {
        await this.#near(null).hook_before({ ...this.#input, hook, outcome: null });
      } catch (error) {
        if (!hook.optional || CancellationScope.current().consideredCancelled) throw error;
      }
    }
  }

  /**
   * All of them, whatever became of the dump, of the run, and of each other.
   * @returns the words of the first failure that counts, or null
   */
  after(outcome: HookOutcome): Promise<FailureWords | null> {
    return this.#all('after', (input) => this.#near('1 hour').hook_after({ ...input, outcome }));
  }

  /** All of them, of a run that has failed. Their own failures stand in the log. */
  async failed(): Promise<void> {
    await this.#all('failure', (input) =>
      this.#near('5 minutes').hook_failure({ ...input, outcome: 'failure' }),
    );
  }

  async #all(
    moment: Hook['when'],
    run: (input: Omit<HookInput, 'outcome'>) => Promise<void>,
  ): Promise<FailureWords | null> {
    let first: FailureWords | null = null;
    for (const hook of this.#of(moment)) {
      try {
        await CancellationScope.nonCancellable(() => run({ ...this.#input, hook }));
      } catch (error) {
        if (!hook.optional) first ??= wordsOf(error);
      }
    }
    return first;
  }

  #of(moment: Hook['when']): Hook[] {
    return this.#hooks.filter(({ when }) => when === moment);
  }

  /** @param patience how long a worker beside the instance is waited for: what was frozen there has to be thawed there */
  #near(patience: '1 hour' | '5 minutes' | null) {
    const taskQueue = this.#input.prepared.task_queue;
    return proxyActivities<HookActivities>({
      ...common,
      retry,
      ...(taskQueue === null ? {} : { taskQueue }),
      ...(taskQueue === null || patience === null ? {} : { scheduleToStartTimeout: patience }),
    });
  }
}
