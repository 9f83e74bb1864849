/** One metric of `/metrics`. Names follow Prometheus' conventions: base units, `_total` for counters. */
export interface MetricDefinition {
  type: 'counter' | 'gauge' | 'histogram';
  /** One sentence without its full stop; stands in `/metrics` and in docs/metrics.md. */
  help: string;
  labels: readonly string[];
  /** Upper bounds of a histogram, ascending, without the last one, which is infinite. */
  buckets?: readonly number[];
}

/**
 * Not `instance`: Prometheus gives that to each series for the process that it asked, and renames ours.
 */
const instanceLabel = 'backup_instance';

const seconds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60] as const;
const longSeconds = [1, 10, 60, 300, 900, 3600, 14_400, 43_200, 86_400] as const;

/**
 * Every metric there is. docs/metrics.md is made from this list; what sets a metric names it from here, so that a
 * name or a label that is not in it does not compile.
 */
export const metricDefinitions = {
  // Backups.
  backupctl_backups_total: {
    type: 'counter',
    help: 'Scheduled and manual backups that ended, by result: success, failure, cancelled, skipped, missed',
    labels: [instanceLabel, 'result'],
  },
  backupctl_backup_failures_total: {
    type: 'counter',
    help: 'Backups that failed, by reason: the code of the error (docs/operations.md lists them)',
    labels: [instanceLabel, 'reason'],
  },
  backupctl_backup_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When the last good backup was finished, also before this process began (Unix time)',
    labels: [instanceLabel],
  },
  backupctl_backup_last_success_age_seconds: {
    type: 'gauge',
    help: 'Seconds since then, by the clock of this process',
    labels: [instanceLabel],
  },
  backupctl_backup_last_failure_timestamp_seconds: {
    type: 'gauge',
    help: 'When a backup failed last, since this process began (Unix time)',
    labels: [instanceLabel],
  },
  backupctl_backup_last_duration_seconds: {
    type: 'gauge',
    help: 'How long dump and upload of the last good backup took',
    labels: [instanceLabel],
  },
  backupctl_backup_last_read_bytes: {
    type: 'gauge',
    help: 'Compressed bytes of the last good backup, before sealing',
    labels: [instanceLabel],
  },
  backupctl_backup_last_size_bytes: {
    type: 'gauge',
    help: 'Sealed bytes of the last good backup, as the repository holds them',
    labels: [instanceLabel],
  },
  backupctl_backup_last_rate_bytes_per_second: {
    type: 'gauge',
    help: 'Compressed bytes a second of the last good backup',
    labels: [instanceLabel],
  },
  backupctl_backup_duration_seconds: {
    type: 'histogram',
    help: 'How long dump and upload of good backups took',
    labels: [instanceLabel],
    buckets: longSeconds,
  },
  backupctl_backup_read_bytes_total: {
    type: 'counter',
    help: 'Compressed bytes of good backups, before sealing',
    labels: [instanceLabel],
  },
  backupctl_backup_stored_bytes_total: {
    type: 'counter',
    help: 'Sealed bytes of good backups, confirmed by the repository',
    labels: [instanceLabel],
  },
  backupctl_queue_wait_seconds: {
    type: 'histogram',
    help: "What backups waited for: earlier runs of the schedule or instance (lane), a worker to take them (worker), one of the worker's places for dumps and restores (slot)",
    labels: ['queue'],
    buckets: longSeconds,
  },
  backupctl_slots: {
    type: 'gauge',
    help: 'Places for dumps and restores of this worker: in_use, waited_for, all',
    labels: ['state'],
  },

  // Freshness.
  backupctl_instance_stale: {
    type: 'gauge',
    help: '1 where the newest good backup is older than it may be, or there is none; else 0',
    labels: [instanceLabel],
  },
  backupctl_instance_max_age_seconds: {
    type: 'gauge',
    help: 'How old the newest good backup may be now; absent for an instance that is not watched',
    labels: [instanceLabel],
  },

  // Copies, deletion, retention.
  backupctl_copy_debt: {
    type: 'gauge',
    help: 'Backups that a copy should hold and does not hold yet',
    labels: ['copy'],
  },
  backupctl_deletion_debt: {
    type: 'gauge',
    help: 'Deleted backups whose bytes a repository still holds after the grace period',
    labels: ['copy'],
  },
  backupctl_retention_runs_total: {
    type: 'counter',
    help: 'Looks at what a schedule no longer wants, by result: success, doubt (nothing was removed), failure',
    labels: [instanceLabel, 'result'],
  },
  backupctl_retention_tombstoned_total: {
    type: 'counter',
    help: 'Backups whose deletion the rule of a schedule began',
    labels: [instanceLabel],
  },
  backupctl_backups_removed_total: {
    type: 'counter',
    help: 'Deleted backups whose bytes were removed once their grace period was over',
    labels: [],
  },

  // Notifications.
  backupctl_notifications_total: {
    type: 'counter',
    help: 'Tries to tell somebody, by channel (webhook, email, command) and result: success, failure',
    labels: ['channel', 'result'],
  },
  backupctl_heartbeats_total: {
    type: 'counter',
    help: "Calls of the dead man's switch, by result: success, failure",
    labels: ['result'],
  },

  // The repository and its store.
  backupctl_repository_free_bytes: {
    type: 'gauge',
    help: 'Free room of the repository, where it has such a figure',
    labels: [],
  },
  backupctl_reserve_bytes: { type: 'gauge', help: 'Free room below which no backup starts', labels: [] },
  backupctl_store_requests_total: {
    type: 'counter',
    help: 'Requests to a store, each try counted, by operation and result: ok, missing, exists, denied, throttled, unavailable, failed',
    labels: ['store', 'operation', 'result'],
  },
  backupctl_store_retries_total: {
    type: 'counter',
    help: 'Requests to a store that were sent again after a passing fault',
    labels: ['store', 'operation'],
  },
  backupctl_store_request_duration_seconds: {
    type: 'histogram',
    help: 'How long requests to a store took, each try by itself',
    labels: ['store'],
    buckets: seconds,
  },

  // The platform.
  backupctl_temporal_up: {
    type: 'gauge',
    help: 'Whether Temporal answered the last time it was asked',
    labels: [],
  },
  backupctl_temporal_restarts_total: {
    type: 'counter',
    help: 'How often the embedded Temporal ended by itself',
    labels: [],
  },
  backupctl_repository_owned: {
    type: 'gauge',
    help: 'Whether this platform owns its repository: 0 where another one does, which `recover` changes',
    labels: [],
  },
  backupctl_worker_up: { type: 'gauge', help: 'Whether the worker polls', labels: [] },
  backupctl_build_info: { type: 'gauge', help: 'Always 1; its label is the version', labels: ['version'] },
  process_cpu_seconds_total: { type: 'counter', help: 'User and system CPU time', labels: [] },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory', labels: [] },
  process_start_time_seconds: { type: 'gauge', help: 'When the process began (Unix time)', labels: [] },
  process_open_fds: { type: 'gauge', help: 'Open file descriptors', labels: [] },
  process_max_fds: { type: 'gauge', help: 'File descriptors that the process may open', labels: [] },
  nodejs_heap_used_bytes: { type: 'gauge', help: 'Heap of JavaScript in use', labels: [] },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    help: 'Memory of buffers outside of that heap',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricDefinitions;
/** The labels of a metric, all of them. */
export type LabelsOf<N extends MetricName> = Record<(typeof metricDefinitions)[N]['labels'][number], string>;
export type NamesOfType<T extends MetricDefinition['type']> = {
  [N in MetricName]: (typeof metricDefinitions)[N]['type'] extends T ? N : never;
}[MetricName];
