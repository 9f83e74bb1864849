import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import type { Repository } from '../repository/repository.ts';
import type { EmbeddedTemporal } from './embedded-temporal.ts';
import type { PlatformMetrics } from './metrics.ts';

export interface ReadinessOptions {
  connection: Connection;
  namespace: string;
  taskQueue: string;
  /** What we know of our own parts without asking. */
  running(): { temporal: boolean; worker: boolean };
}

/** TASK_QUEUE_TYPE_WORKFLOW and TASK_QUEUE_TYPE_ACTIVITY of Temporal's API. */
const queueTypes = [1, 2] as const;

/** Whether a Temporal server answers, and has the namespace. */
export async function temporalAnswers(connection: Connection, namespace: string): Promise<boolean> {
  try {
    return await connection.withDeadline(Date.now() + 1000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      // The visibility store comes up after the front end.
      await connection.workflowService.listWorkflowExecutions({ namespace, pageSize: 1 });
      return true;
    });
  } catch {
    return false;
  }
}

/** Whether everything of a platform answers. */
export class Readiness {
  readonly #options: ReadinessOptions;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** What does not answer; empty when everything does. */
  async troubles(): Promise<string[]> {
    const { temporal, worker } = this.#options.running();
    if (!temporal) return ['Temporal does not run'];
    if (!(await temporalAnswers(this.#options.connection, this.#options.namespace)))
      return ['Temporal does not answer'];
    if (!worker) return ['the worker does not run'];
    return (await this.#polls()) ? [] : ['the worker does not poll yet'];
  }

  /** Waits until there is no trouble, telling it each half minute; false where the signal came first. */
  async everythingAnswers(signal: AbortSignal, tell: (line: string) => void): Promise<boolean> {
    for (let told = performance.now(); !signal.aborted; ) {
      const [trouble] = await this.troubles();
      if (trouble === undefined) return true;
      if (performance.now() - told > 30_000) {
        told = performance.now();
        tell(`not ready yet: ${trouble}`);
      }
      await sleep(50);
    }
    return false;
  }

  /** Brings the gauges up to date. */
  async measure(
    metrics: PlatformMetrics,
    parts: { temporal: EmbeddedTemporal | null; repository: Repository; reserve: number },
  ): Promise<void> {
    const answers = await temporalAnswers(this.#options.connection, this.#options.namespace);
    metrics.set('backupctl_temporal_up', answers ? 1 : 0, {});
    metrics.set('backupctl_worker_up', answers && this.#options.running().worker ? 1 : 0, {});
    if (parts.temporal) metrics.set('backupctl_temporal_restarts_total', parts.temporal.restarts, {});
    metrics.set('backupctl_reserve_bytes', parts.reserve, {});
    const free = await parts.repository.store.freeBytes().catch(() => null);
    if (free !== null) metrics.set('backupctl_repository_free_bytes', free, {});
  }

  /** Whether Temporal has seen this very process ask for work of both kinds. */
  async #polls(): Promise<boolean> {
    const { connection, namespace, taskQueue } = this.#options;
    const us = `${process.pid}@`;
    try {
      return await connection.withDeadline(Date.now() + 1000, async () => {
        for (const taskQueueType of queueTypes) {
          const { pollers } = await connection.workflowService.describeTaskQueue({
            namespace,
            taskQueue: { name: taskQueue },
            taskQueueType,
          });
          if (!pollers?.some(({ identity }) => identity?.startsWith(us))) return false;
        }
        return true;
      });
    } catch {
      return false;
    }
  }
}
