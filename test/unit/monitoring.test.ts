import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type MetricDefinition, metricDefinitions } from '../../worker/metric-definitions.ts';
import { findProgram, projectRoot } from '../servers/cache.ts';
import { createWorkspace } from '../servers/workspace.ts';

const run = promisify(execFile);
const rulesFile = join(projectRoot, 'deploy/prometheus/backupctl-rules.yaml');
const rulesTest = join(projectRoot, 'deploy/prometheus/backupctl-rules.test.yaml');

interface Rules {
  groups: { rules: { alert: string; expr: string }[] }[];
}
interface RulesTest {
  tests: {
    input_series: { series: string }[];
    alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
  }[];
}
interface Dashboard {
  panels: { title: string; targets?: { expr: string }[] }[];
  templating: { list: { name: string; query: { query: string } | string }[] };
}

const rules = (parse(readFileSync(rulesFile, 'utf8')) as Rules).groups.flatMap((group) => group.rules);
const ruleTests = (parse(readFileSync(rulesTest, 'utf8')) as RulesTest).tests;
const dashboard = JSON.parse(
  readFileSync(join(projectRoot, 'deploy/grafana/backupctl.json'), 'utf8'),
) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }): [string, string] => [title, expr]),
);
const variables = dashboard.templating.list.flatMap(({ name, query }): [string, string][] =>
  typeof query === 'string' ? [] : [[name, query.query]],
);

/** What Prometheus itself puts to each series. */
const targetLabels = ['job', 'instance'];

/** Names in a query that are no metric or label of ours, each in words. */
function unknownIn(query: string): string[] {
  const unknown: string[] = [];
  const allowed = new Set(targetLabels);
  for (const [, name = '', selector = ''] of query.matchAll(
    /\b((?:backupctl|process|nodejs)_[a-z_]+)\b(?:\{([^}]*)\})?/g,
  )) {
    if (name === 'backupctl_instance' || name === 'backup_instance') continue;
    const found = definitionOf(name);
    if (found === null) {
      unknown.push(`metric ${name}`);
      continue;
    }
    const own = [...found.labels, ...(found.type === 'histogram' ? ['le'] : [])];
    for (const label of own) allowed.add(label);
    for (const [, label = ''] of selector.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)) {
      if (![...own, ...targetLabels].includes(label)) unknown.push(`label ${label} of ${name}`);
    }
  }
  for (const [, list = ''] of query.matchAll(
    /\b(?:by|on|without|group_left|group_right|ignoring)\s*\(([^)]*)\)/g,
  )) {
    for (const label of list.split(',').map((word) => word.trim())) {
      if (label !== '' && !allowed.has(label)) unknown.push(`label ${label} in ${query}`);
    }
  }
  return unknown;
}

function definitionOf(name: string): MetricDefinition | null {
  const definitions: Record<string, MetricDefinition> = metricDefinitions;
  const plain = definitions[name];
  if (plain !== undefined) return plain.type === 'histogram' ? null : plain;
  const histogram = definitions[name.replace(/_(bucket|sum|count)$/, '')];
  return histogram?.type === 'histogram' ? histogram : null;
}

/** Prometheus' own judge; a set-up brings it where that asks nobody. */
function promtool(): string | null {
  try {
    return findProgram('promtool');
  } catch {
    return null;
  }
}

test('a name or a label that does not exist is found in a query', () => {
  const query =
    'sum by (copy, nowhere) (rate(backupctl_nothing{x="1"}[5m])) + backupctl_copy_debt{instances="1"}';
  expect(unknownIn(query)).toEqual([
    'metric backupctl_nothing',
    'label instances of backupctl_copy_debt',
    `label nowhere in ${query}`,
  ]);
  expect(unknownIn('backupctl_queue_wait_seconds')).toEqual(['metric backupctl_queue_wait_seconds']);
});

describe('the dashboard', () => {
  test.each([...queries, ...variables])('asks in "%s" for metrics and labels that exist', (_title, query) => {
    expect(unknownIn(query)).toEqual([]);
  });

  test('shows every metric that there is', () => {
    const all = queries.map(([, query]) => query).join('\n');
    const missing = Object.keys(metricDefinitions).filter((name) => !all.includes(name));
    expect(missing).toEqual([
      'backupctl_backup_last_success_timestamp_seconds',
      'backupctl_backup_last_failure_timestamp_seconds',
    ]);
  });
});

describe('the alert rules', () => {
  test.each(rules.map(({ alert, expr }): [string, string] => [alert, expr]))(
    '%s asks for metrics and labels that exist',
    (_alert, expr) => {
      expect(unknownIn(expr)).toEqual([]);
    },
  );

  test('are each shown to go off, on series that exist', () => {
    const goesOff = new Set(
      ruleTests.flatMap((one) =>
        one.alert_rule_test.filter((at) => at.exp_alerts.length > 0).map(({ alertname }) => alertname),
      ),
    );
    expect(rules.map(({ alert }) => alert).filter((alert) => !goesOff.has(alert))).toEqual([]);
    const series = ruleTests.flatMap((one) => one.input_series.map((input) => input.series));
    expect(series.filter((one) => !one.startsWith('up{')).flatMap(unknownIn)).toEqual([]);
  });

  test.skipIf(promtool() === null)(
    'are accepted by promtool, and pass its tests',
    async () => {
      const { stdout } = await run(promtool() ?? '', ['check', 'rules', rulesFile]);
      expect(stdout).toContain('SUCCESS');
      const tested = await run(promtool() ?? '', ['test', 'rules', rulesTest]);
      expect(tested.stdout).toContain('SUCCESS');
    },
    60_000,
  );

  test.skipIf(promtool() === null)(
    'and the queries of the dashboard are PromQL',
    async () => {
      const workspace = createWorkspace('monitoring');
      const filled = queries.map(([, query], index) => ({
        record: `panel:${index}`,
        expr: query.replaceAll('$__rate_interval', '5m'),
      }));
      const file = await workspace.file(
        'queries.yaml',
        JSON.stringify({ groups: [{ name: 'q', rules: filled }] }),
      );
      const { stdout } = await run(promtool() ?? '', ['check', 'rules', file]);
      expect(stdout).toContain(`${queries.length} rules found`);
      await workspace.remove();
    },
    30_000,
  );
});
