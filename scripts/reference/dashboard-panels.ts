/** One panel of the dashboard. */
export interface Panel {
  title: string;
  description: string;
  kind: 'stat' | 'timeseries';
  /** Grafana's unit. */
  unit: string;
  queries: readonly (readonly [expr: string, legend: string])[];
  /** Of 24 columns. */
  width: number;
  /** From which value on it is orange, and red. */
  thresholds?: readonly [orange: number, red: number];
  stacked?: true;
}

/** What the two variables at the top of the page have picked. */
const picked = 'job=~"$job"';
const ofInstance = `${picked},backup_instance=~"$backup_instance"`;
const rate = '$__rate_interval';

/** The dashboard, row by row. */
export const rows: readonly (readonly [title: string, panels: readonly Panel[]])[] = [
  [
    'Am I protected?',
    [
      {
        title: 'Stale instances',
        description: 'Instances without a good backup in time, for whatever reason',
        kind: 'stat',
        unit: 'none',
        queries: [[`sum(max by (job, backup_instance) (backupctl_instance_stale{${ofInstance}}))`, '']],
        width: 4,
        thresholds: [1, 1],
      },
      {
        title: 'Failed in the last day',
        description: 'Backups that ended in ERROR',
        kind: 'stat',
        unit: 'none',
        queries: [[`sum(increase(backupctl_backups_total{${ofInstance},result="failure"}[24h]))`, '']],
        width: 4,
        thresholds: [1, 5],
      },
      {
        title: 'Copy debt',
        description: 'Backups that a copy should hold and does not hold yet',
        kind: 'stat',
        unit: 'none',
        queries: [[`max by (copy) (backupctl_copy_debt{${picked}})`, '{{copy}}']],
        width: 4,
        thresholds: [1, 20],
      },
      {
        title: 'Free room',
        description: 'Of the repository, where it has such a figure',
        kind: 'stat',
        unit: 'bytes',
        queries: [[`min by (job) (backupctl_repository_free_bytes{${picked}})`, '{{job}}']],
        width: 4,
      },
      {
        title: 'Workers that poll',
        description: 'None: no backup is made',
        kind: 'stat',
        unit: 'none',
        queries: [[`sum(backupctl_worker_up{${picked}})`, '']],
        width: 4,
      },
      {
        title: 'Owns its repository',
        description: '0: another platform has recovered it, and this one may not write',
        kind: 'stat',
        unit: 'none',
        queries: [[`min by (job) (backupctl_repository_owned{${picked}})`, '{{job}}']],
        width: 4,
      },
      {
        title: 'Age of the last good backup',
        description: 'Per instance; the dashed lines are the ages that are allowed',
        kind: 'timeseries',
        unit: 's',
        queries: [
          [
            `min by (backup_instance) (backupctl_backup_last_success_age_seconds{${ofInstance}})`,
            '{{backup_instance}}',
          ],
          [
            `max by (backup_instance) (backupctl_instance_max_age_seconds{${ofInstance}})`,
            '{{backup_instance}} may be',
          ],
        ],
        width: 24,
      },
    ],
  ],
  [
    'Backups',
    [
      {
        title: 'Backups by result',
        description: 'success, failure, cancelled, skipped, missed',
        kind: 'timeseries',
        unit: 'none',
        queries: [[`sum by (result) (increase(backupctl_backups_total{${ofInstance}}[1h]))`, '{{result}}']],
        width: 12,
        stacked: true,
      },
      {
        title: 'Failures by reason',
        description: 'The codes of the errors, which docs/operations.md lists',
        kind: 'timeseries',
        unit: 'none',
        queries: [
          [`sum by (reason) (increase(backupctl_backup_failures_total{${ofInstance}}[1h]))`, '{{reason}}'],
        ],
        width: 12,
        stacked: true,
      },
      {
        title: 'Duration of the last good backup',
        description: 'Dump and upload',
        kind: 'timeseries',
        unit: 's',
        queries: [
          [
            `max by (backup_instance) (backupctl_backup_last_duration_seconds{${ofInstance}})`,
            '{{backup_instance}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'Durations, 95th percentile of a day',
        description: 'Dump and upload of good backups',
        kind: 'timeseries',
        unit: 's',
        queries: [
          [
            `histogram_quantile(0.95, sum by (backup_instance, le) (rate(backupctl_backup_duration_seconds_bucket{${ofInstance}}[24h])))`,
            '{{backup_instance}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'Rate of the last good backup',
        description: 'Compressed bytes a second',
        kind: 'timeseries',
        unit: 'Bps',
        queries: [
          [
            `max by (backup_instance) (backupctl_backup_last_rate_bytes_per_second{${ofInstance}})`,
            '{{backup_instance}}',
          ],
        ],
        width: 8,
      },
      {
        title: 'Size of the last good backup',
        description: 'Compressed, before sealing; and as it is stored',
        kind: 'timeseries',
        unit: 'bytes',
        queries: [
          [
            `max by (backup_instance) (backupctl_backup_last_read_bytes{${ofInstance}})`,
            '{{backup_instance}} before',
          ],
          [
            `max by (backup_instance) (backupctl_backup_last_size_bytes{${ofInstance}})`,
            '{{backup_instance}} stored',
          ],
        ],
        width: 12,
      },
      {
        title: 'Bytes a second, over all backups',
        description: 'Counted once a backup is complete',
        kind: 'timeseries',
        unit: 'Bps',
        queries: [
          [`sum(rate(backupctl_backup_read_bytes_total{${ofInstance}}[1h]))`, 'compressed'],
          [`sum(rate(backupctl_backup_stored_bytes_total{${ofInstance}}[1h]))`, 'stored'],
        ],
        width: 12,
      },
      {
        title: 'Waiting, 90th percentile',
        description: 'For earlier runs (lane), for a worker, for a place on it (slot)',
        kind: 'timeseries',
        unit: 's',
        queries: [
          [
            `histogram_quantile(0.9, sum by (queue, le) (rate(backupctl_queue_wait_seconds_bucket{${picked}}[1h])))`,
            '{{queue}}',
          ],
        ],
        width: 12,
      },
      {
        title: 'Places of the workers',
        description: 'For dumps and restores',
        kind: 'timeseries',
        unit: 'none',
        queries: [[`sum by (state) (backupctl_slots{${picked}})`, '{{state}}']],
        width: 12,
      },
    ],
  ],
  [
    'Repository and copies',
    [
      {
        title: 'Free room and reserve',
        description: 'Below the reserve no backup starts',
        kind: 'timeseries',
        unit: 'bytes',
        queries: [
          [`min by (job) (backupctl_repository_free_bytes{${picked}})`, '{{job}} free'],
          [`max by (job) (backupctl_reserve_bytes{${picked}})`, '{{job}} reserve'],
        ],
        width: 12,
      },
      {
        title: 'Debts',
        description: 'What copies lack, and what they still hold after its deletion',
        kind: 'timeseries',
        unit: 'none',
        queries: [
          [`max by (copy) (backupctl_copy_debt{${picked}})`, '{{copy}} lacks'],
          [`max by (copy) (backupctl_deletion_debt{${picked}})`, '{{copy}} still holds'],
        ],
        width: 12,
      },
      {
        title: 'Retention',
        description: 'Deletions begun by rules, looks in doubt or failed, and backups whose bytes went',
        kind: 'timeseries',
        unit: 'none',
        queries: [
          [`sum(increase(backupctl_retention_tombstoned_total{${ofInstance}}[1h]))`, 'deletion begun'],
          [
            `sum(increase(backupctl_retention_runs_total{${ofInstance},result!="success"}[1h]))`,
            'in doubt or failed',
          ],
          [`sum(increase(backupctl_backups_removed_total{${picked}}[1h]))`, 'removed'],
        ],
        width: 12,
      },
      {
        title: 'Requests to stores that did not end well',
        description: 'By result; a missing object and one that exists are answers, and left out',
        kind: 'timeseries',
        unit: 'reqps',
        queries: [
          [
            `sum by (store, result) (rate(backupctl_store_requests_total{${picked},result!~"ok|missing|exists"}[${rate}]))`,
            '{{store}} {{result}}',
          ],
          [
            `sum by (store) (rate(backupctl_store_retries_total{${picked}}[${rate}]))`,
            '{{store}} sent again',
          ],
        ],
        width: 12,
      },
      {
        title: 'Requests to stores',
        description: 'Each try counted',
        kind: 'timeseries',
        unit: 'reqps',
        queries: [
          [
            `sum by (store, operation) (rate(backupctl_store_requests_total{${picked}}[${rate}]))`,
            '{{store}} {{operation}}',
          ],
        ],
        width: 12,
      },
      {
        title: 'Duration of requests, 95th percentile',
        description: 'Each try by itself',
        kind: 'timeseries',
        unit: 's',
        queries: [
          [
            `histogram_quantile(0.95, sum by (store, le) (rate(backupctl_store_request_duration_seconds_bucket{${picked}}[${rate}])))`,
            '{{store}}',
          ],
        ],
        width: 12,
      },
    ],
  ],
  [
    'Platform',
    [
      {
        title: 'Temporal and workers',
        description: '1 or 0',
        kind: 'timeseries',
        unit: 'none',
        queries: [
          [`min by (job) (backupctl_temporal_up{${picked}})`, '{{job}} Temporal'],
          [`max by (job) (backupctl_worker_up{${picked}})`, '{{job}} worker'],
          [`increase(backupctl_temporal_restarts_total{${picked}}[1h])`, '{{job}} restarts of Temporal'],
        ],
        width: 8,
      },
      {
        title: 'Messages',
        description: 'Notifications and calls of the dead man’s switch, by result',
        kind: 'timeseries',
        unit: 'none',
        queries: [
          [
            `sum by (channel, result) (increase(backupctl_notifications_total{${picked}}[1h]))`,
            '{{channel}} {{result}}',
          ],
          [`sum by (result) (increase(backupctl_heartbeats_total{${picked}}[1h]))`, 'heartbeat {{result}}'],
        ],
        width: 8,
      },
      {
        title: 'Memory',
        description: 'Resident; the heap of JavaScript; buffers outside of it',
        kind: 'timeseries',
        unit: 'bytes',
        queries: [
          [`process_resident_memory_bytes{${picked}}`, '{{instance}} resident'],
          [`nodejs_heap_used_bytes{${picked}}`, '{{instance}} heap'],
          [`nodejs_external_memory_bytes{${picked}}`, '{{instance}} buffers'],
        ],
        width: 8,
      },
      {
        title: 'CPU',
        description: 'Cores in use',
        kind: 'timeseries',
        unit: 'none',
        queries: [[`rate(process_cpu_seconds_total{${picked}}[${rate}])`, '{{instance}}']],
        width: 8,
      },
      {
        title: 'File descriptors',
        description: 'Open, and allowed',
        kind: 'timeseries',
        unit: 'none',
        queries: [
          [`process_open_fds{${picked}}`, '{{instance}} open'],
          [`process_max_fds{${picked}}`, '{{instance}} allowed'],
        ],
        width: 8,
      },
      {
        title: 'Running since',
        description: 'Version, and for how long',
        kind: 'timeseries',
        unit: 's',
        queries: [
          [
            `(time() - process_start_time_seconds{${picked}}) * on (job, instance) group_left (version) backupctl_build_info{${picked}}`,
            '{{instance}} {{version}}',
          ],
        ],
        width: 8,
      },
    ],
  ],
];
