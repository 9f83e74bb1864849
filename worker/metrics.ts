import { readdirSync, readFileSync } from 'node:fs';
import type { ActivityMetrics, Queue, SlotsInUse } from '../activities/metrics.ts';
import type { StoreObserver, StoreRequest } from '../repository/stores/observer.ts';
import type { ExecutionState } from '../workflows/types.ts';
import { type LabelsOf, type MetricName, metricDefinitions, type NamesOfType } from './metric-definitions.ts';
import { MetricRegistry } from './metric-registry.ts';

type MetricOfInstance = {
  [N in MetricName]: LabelsOf<N> extends { backup_instance: string }
    ? { backup_instance: string } extends LabelsOf<N>
      ? N
      : never
    : never;
}[MetricName];

const resultOf: Partial<Record<ExecutionState, string>> = {
  SUCCESS: 'success',
  ERROR: 'failure',
  CANCELLED: 'cancelled',
  SKIPPED: 'skipped',
  MISSED: 'missed',
};

/** What `/metrics` tells Prometheus; `docs/metrics.md` lists it. */
export class PlatformMetrics extends MetricRegistry implements ActivityMetrics {
  #slots: (() => SlotsInUse) | null = null;
  /** When this process looked at the freshness of instances last. */
  #watchedAt = 0;

  constructor(version: string) {
    super();
    this.set('backupctl_build_info', 1, { version });
  }

  backupMade(instance: string, made: { seconds: number; bytesIn: number; bytesOut: number }): void {
    const { seconds, bytesIn, bytesOut } = made;
    this.lastSuccess(instance, new Date());
    this.set('backupctl_backup_last_duration_seconds', seconds, { backup_instance: instance });
    this.set('backupctl_backup_last_read_bytes', bytesIn, { backup_instance: instance });
    this.set('backupctl_backup_last_size_bytes', bytesOut, { backup_instance: instance });
    if (seconds > 0) {
      this.set('backupctl_backup_last_rate_bytes_per_second', bytesIn / seconds, {
        backup_instance: instance,
      });
    }
    this.observe('backupctl_backup_duration_seconds', seconds, { backup_instance: instance });
    this.add('backupctl_backup_read_bytes_total', bytesIn, { backup_instance: instance });
    this.add('backupctl_backup_stored_bytes_total', bytesOut, { backup_instance: instance });
  }

  backupEnded(instance: string, state: ExecutionState, reason: string | null): void {
    const result = resultOf[state];
    if (result === undefined) return;
    if (result === 'success' || result === 'failure') {
      this.#tried('backupctl_backups_total', result === 'success', { backup_instance: instance });
    } else this.add('backupctl_backups_total', 1, { backup_instance: instance, result });
    if (result !== 'failure') return;
    this.add('backupctl_backup_failures_total', 1, { backup_instance: instance, reason: reason ?? 'failed' });
    this.set('backupctl_backup_last_failure_timestamp_seconds', Date.now() / 1000, {
      backup_instance: instance,
    });
  }

  /** Also from the repository, for what was made before this process began. Never goes back. */
  lastSuccess(instance: string, at: Date): void {
    this.#begin(instance);
    const name = 'backupctl_backup_last_success_timestamp_seconds';
    this.set(name, Math.max(this.get(name, { backup_instance: instance }) ?? 0, at.getTime() / 1000), {
      backup_instance: instance,
    });
  }

  waited(queue: Queue, seconds: number): void {
    this.observe('backupctl_queue_wait_seconds', Math.max(0, seconds), { queue });
  }

  slots(look: () => SlotsInUse): void {
    this.#slots = look;
  }

  retained(instance: string, result: 'success' | 'doubt' | 'failure', tombstoned: number): void {
    this.add('backupctl_retention_runs_total', 1, { backup_instance: instance, result });
    this.add('backupctl_retention_tombstoned_total', tombstoned, { backup_instance: instance });
  }

  removed(backups: number): void {
    this.add('backupctl_backups_removed_total', backups, {});
  }

  copyDebt(copy: string, backups: number): void {
    this.set('backupctl_copy_debt', backups, { copy });
  }

  deletionDebt(copy: string, backups: number): void {
    this.set('backupctl_deletion_debt', backups, { copy });
  }

  notification(channel: string, success: boolean): void {
    this.#tried('backupctl_notifications_total', success, { channel });
  }

  heartbeat(success: boolean): void {
    this.#tried('backupctl_heartbeats_total', success, {});
  }

  freshness(
    instance: string,
    { stale, maxAge, lastBackupAt }: { stale: boolean; maxAge: number | null; lastBackupAt: number | null },
  ): void {
    this.#watchedAt = performance.now();
    if (lastBackupAt !== null) this.lastSuccess(instance, new Date(lastBackupAt));
    this.#begin(instance);
    this.set('backupctl_instance_stale', stale ? 1 : 0, { backup_instance: instance });
    if (maxAge === null)
      this.forgetSeries('backupctl_instance_max_age_seconds', { backup_instance: instance });
    else this.set('backupctl_instance_max_age_seconds', maxAge, { backup_instance: instance });
  }

  /** Gauges of an instance that is no more would alarm for ever. */
  forget(instance: string): void {
    for (const [name, { type, labels }] of Object.entries(metricDefinitions)) {
      if (type === 'gauge' && labels.some((label) => label === 'backup_instance')) {
        this.forgetSeries(name as MetricOfInstance, { backup_instance: instance });
      }
    }
  }

  /** Counts what a store is asked. @param store `primary`, or the name of a copy */
  storeObserver(store: string): StoreObserver {
    return {
      request: ({ operation, result, seconds }: StoreRequest) => {
        this.add('backupctl_store_requests_total', 1, { store, operation, result });
        this.observe('backupctl_store_request_duration_seconds', seconds, { store });
      },
      retry: (operation) => this.add('backupctl_store_retries_total', 1, { store, operation }),
    };
  }

  override render(): string {
    const now = Date.now() / 1000;
    for (const labels of this.labelsOf('backupctl_backup_last_success_timestamp_seconds')) {
      const at = this.get('backupctl_backup_last_success_timestamp_seconds', labels) ?? now;
      this.set('backupctl_backup_last_success_age_seconds', Math.max(0, now - at), {
        ...labels,
      });
    }
    if (this.#slots !== null) {
      const { all, inUse, waitedFor } = this.#slots();
      this.set('backupctl_slots', all, { state: 'all' });
      this.set('backupctl_slots', inUse, { state: 'in_use' });
      this.set('backupctl_slots', waitedFor, { state: 'waited_for' });
    }
    this.#dropOldFreshness();
    this.#measureProcess();
    return super.render();
  }

  /** Of several workers one does each round: what this one saw a while ago may be over. */
  #dropOldFreshness(): void {
    if (performance.now() - this.#watchedAt < 300_000) return;
    for (const name of ['backupctl_instance_stale', 'backupctl_instance_max_age_seconds'] as const)
      for (const labels of this.labelsOf(name)) this.forgetSeries(name, labels);
  }

  /** From when an instance is known: else its first failure after a start would be no rise for anybody to see. */
  #begin(instance: string): void {
    for (const result of ['success', 'failure']) {
      this.add('backupctl_backups_total', 0, { backup_instance: instance, result });
    }
  }

  /** Both results from the first try on: a counter that begins with its first failure has no rise to be seen. */
  #tried<N extends NamesOfType<'counter'>>(
    name: N,
    success: boolean,
    labels: Omit<LabelsOf<N>, 'result'>,
  ): void {
    for (const result of ['success', 'failure']) {
      const counts = success === (result === 'success');
      this.add(name, counts ? 1 : 0, { ...labels, result } as LabelsOf<N>);
    }
  }

  #measureProcess(): void {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    this.set('process_cpu_seconds_total', (user + system) / 1e6, {});
    this.set('process_resident_memory_bytes', rss, {});
    this.set('process_start_time_seconds', (performance.timeOrigin ?? 0) / 1000, {});
    this.set('nodejs_heap_used_bytes', heapUsed, {});
    this.set('nodejs_external_memory_bytes', external, {});
    try {
      this.set('process_open_fds', readdirSync('/proc/self/fd').length, {});
      const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
      if (limit !== undefined) this.set('process_max_fds', Number(limit), {});
    } catch {
      // There is no such folder on macOS.
    }
  }
}
