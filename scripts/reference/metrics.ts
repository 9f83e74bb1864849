import { type MetricDefinition, metricDefinitions } from '../../worker/metric-definitions.ts';
import { generatedNotice, table } from './markdown.ts';

/** Sections of the page, each with the first words of the names that belong to it; the first that fits counts. */
const sections: readonly [title: string, prefixes: readonly string[]][] = [
  ['Freshness', ['backupctl_instance_', 'backupctl_backup_last_success']],
  ['Backups', ['backupctl_backups_total', 'backupctl_backup_', 'backupctl_queue_', 'backupctl_slots']],
  [
    'Copies, deletion, retention',
    ['backupctl_copy_', 'backupctl_deletion_', 'backupctl_retention_', 'backupctl_backups_removed'],
  ],
  ['Notifications', ['backupctl_notifications', 'backupctl_heartbeats']],
  ['The repository and its store', ['backupctl_repository_', 'backupctl_reserve', 'backupctl_store_']],
  ['The platform', ['']],
];

/** The text of `docs/metrics.md`. */
export function metricsReference(): string {
  const left = new Map<string, MetricDefinition>(Object.entries(metricDefinitions));
  const parts = sections.map(([title, prefixes]) => {
    const rows = [...left].filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)));
    for (const [name] of rows) left.delete(name);
    return `## ${title}\n\n${table(
      ['Metric', 'Type', 'Labels', 'What it is'],
      rows.map(([name, { type, labels, help, buckets }]) => [
        `\`${name}\``,
        type,
        labels.join(', '),
        buckets === undefined ? help : `${help}. Buckets: ${buckets.join(', ')}`,
      ]),
    )}`;
  });
  return `${[
    '# Metrics',
    generatedNotice('worker/metric-definitions.ts'),
    `\`backupctl up --port\` and \`backupctl worker --port\` answer \`/metrics\` on 127.0.0.1, in Prometheus' text format.
A metric without a value yet is left out. Counters begin anew with the process. With several workers each counts
what it does itself: sum over them; for a time of the last success take the highest.

A dashboard for Grafana is in \`deploy/grafana\`, rules for alerts are in \`deploy/prometheus\`;
[operations](operations.md#health-and-metrics) says how to use them.`,
    ...parts,
  ].join('\n\n')}\n`;
}
