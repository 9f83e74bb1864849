import { readdirSync } from 'node:fs';

type Labels = Record<string, string>;
interface Metric {
  help: string;
  type: 'counter' | 'gauge';
  values: Map<string, { labels: Labels; value: number }>;
}

/**
 * What `/metrics` tells Prometheus, in its text format 0.0.4. `docs/operations.md` lists the names. Counters begin
 * anew with the process, as Prometheus expects; the time of the last success is looked up in the repository at start.
 */
export class PlatformMetrics {
  readonly #metrics = new Map<string, Metric>();

  constructor() {
    this.#define('backupctl_temporal_up', 'gauge', 'Whether Temporal answered the last time it was asked');
    this.#define(
      'backupctl_temporal_restarts_total',
      'counter',
      'How often the embedded Temporal ended by itself',
    );
    this.#define('backupctl_worker_up', 'gauge', 'Whether the worker polls');
    this.#define('backupctl_backups_total', 'counter', 'Backups that ended, by instance and result');
    this.#define(
      'backupctl_backup_last_success_timestamp_seconds',
      'gauge',
      'When the last good backup was made',
    );
    this.#define('backupctl_backup_last_failure_timestamp_seconds', 'gauge', 'When a backup failed last');
    this.#define('backupctl_backup_last_duration_seconds', 'gauge', 'How long the last good backup took');
    this.#define('backupctl_backup_last_size_bytes', 'gauge', 'Sealed bytes of the last good backup');
    this.#define('backupctl_backup_read_bytes_total', 'counter', 'Compressed bytes that dumps gave');
    this.#define(
      'backupctl_backup_stored_bytes_total',
      'counter',
      'Sealed bytes that the repository confirmed',
    );
    this.#define(
      'backupctl_repository_free_bytes',
      'gauge',
      'Free room of the repository, where it has such a figure',
    );
    this.#define('backupctl_reserve_bytes', 'gauge', 'Free room below which no backup starts');
    this.#define('backupctl_instance_stale', 'gauge', 'Whether no good backup came in time');
    this.#define(
      'backupctl_instance_max_age_seconds',
      'gauge',
      'Age that the newest good backup may have now; absent for one that is not watched',
    );
    this.#define('backupctl_notifications_total', 'counter', 'Tries to tell somebody, by channel and result');
    this.#define('backupctl_heartbeats_total', 'counter', "Calls of the dead man's switch, by result");
    this.#define('process_cpu_seconds_total', 'counter', 'User and system CPU time');
    this.#define('process_resident_memory_bytes', 'gauge', 'Resident memory');
    this.#define('process_start_time_seconds', 'gauge', 'When the process began');
    this.#define('process_open_fds', 'gauge', 'Open file descriptors');
    this.#define('nodejs_heap_used_bytes', 'gauge', 'Heap of JavaScript in use');
    this.#define('nodejs_external_memory_bytes', 'gauge', 'Memory of buffers outside of that heap');
  }

  /** An activity's word on a backup that ended. Bytes: compressed before sealing, and stored. */
  backupFinished(
    instance: string,
    result: { success: boolean; seconds: number; bytesIn: number; bytesOut: number },
  ): void {
    this.add('backupctl_backups_total', 1, { instance, result: result.success ? 'success' : 'failure' });
    this.add('backupctl_backup_read_bytes_total', result.bytesIn, { instance });
    this.add('backupctl_backup_stored_bytes_total', result.bytesOut, { instance });
    if (!result.success) {
      this.set('backupctl_backup_last_failure_timestamp_seconds', Date.now() / 1000, { instance });
      return;
    }
    this.lastSuccess(instance, new Date());
    this.set('backupctl_backup_last_duration_seconds', result.seconds, { instance });
    this.set('backupctl_backup_last_size_bytes', result.bytesOut, { instance });
  }

  /** Also from the repository, for what was made before this process began. Never goes back. */
  lastSuccess(instance: string, at: Date): void {
    const name = 'backupctl_backup_last_success_timestamp_seconds';
    const known = this.#metrics.get(name)?.values.get(keyOf({ instance }))?.value ?? 0;
    this.set(name, Math.max(known, at.getTime() / 1000), { instance });
  }

  notification(channel: string, success: boolean): void {
    this.add('backupctl_notifications_total', 1, { channel, result: success ? 'success' : 'failure' });
  }

  heartbeat(success: boolean): void {
    this.add('backupctl_heartbeats_total', 1, { result: success ? 'success' : 'failure' });
  }

  freshness(instance: string, { stale, maxAge }: { stale: boolean; maxAge: number | null }): void {
    const name = 'backupctl_instance_max_age_seconds';
    if (maxAge === null) this.#metric(name).values.delete(keyOf({ instance }));
    else this.set(name, maxAge, { instance });
    this.set('backupctl_instance_stale', stale ? 1 : 0, { instance });
  }

  /** Gauges of an instance that is no more would alarm for ever. */
  forget(instance: string): void {
    for (const { type, values } of this.#metrics.values()) {
      if (type === 'gauge') values.delete(keyOf({ instance }));
    }
  }

  set(name: string, value: number, labels: Labels = {}): void {
    this.#metric(name).values.set(keyOf(labels), { labels, value });
  }

  add(name: string, amount: number, labels: Labels = {}): void {
    const values = this.#metric(name).values;
    const before = values.get(keyOf(labels))?.value ?? 0;
    values.set(keyOf(labels), { labels, value: before + amount });
  }

  /** The text that Prometheus reads. */
  render(): string {
    this.#measureProcess();
    let text = '';
    for (const [name, { help, type, values }] of this.#metrics) {
      if (values.size === 0) continue;
      text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
      for (const { labels, value } of values.values()) text += `${name}${labelText(labels)} ${value}\n`;
    }
    return text;
  }

  #measureProcess(): void {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    this.set('process_cpu_seconds_total', (user + system) / 1e6);
    this.set('process_resident_memory_bytes', rss);
    this.set('process_start_time_seconds', (performance.timeOrigin ?? 0) / 1000);
    this.set('nodejs_heap_used_bytes', heapUsed);
    this.set('nodejs_external_memory_bytes', external);
    try {
      this.set('process_open_fds', readdirSync('/proc/self/fd').length);
    } catch {
      // There is no such folder on macOS.
    }
  }

  #define(name: string, type: Metric['type'], help: string): void {
    this.#metrics.set(name, { help, type, values: new Map() });
  }

  #metric(name: string): Metric {
    const metric = this.#metrics.get(name);
    if (metric === undefined) throw new Error(`there is no metric ${name}`);
    return metric;
  }
}

const keyOf = (labels: Labels) => JSON.stringify(labels);

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
