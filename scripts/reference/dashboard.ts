import { type Panel, rows } from './dashboard-panels.ts';

const datasource = { type: 'prometheus', uid: '$datasource' };

/** The text of `deploy/grafana/backupctl.json`: a dashboard as Grafana 10 and newer import it. */
export function dashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const [title, members] of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: at(0, y, 24, 1),
      panels: [],
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of members) {
      if (x + panel.width > 24) {
        x = 0;
        y += height;
      }
      height = panel.kind === 'stat' ? 4 : 8;
      panels.push({ id: panels.length + 1, gridPos: at(x, y, panel.width, height), ...panelOf(panel) });
      x += panel.width;
    }
    y += height;
  }
  return `${JSON.stringify(
    {
      uid: 'backupctl',
      title: 'backupctl',
      description: 'Made by scripts/reference/dashboard.ts; docs/metrics.md explains the metrics',
      tags: ['backup'],
      timezone: 'utc',
      schemaVersion: 39,
      version: 1,
      editable: true,
      refresh: '1m',
      time: { from: 'now-7d', to: 'now' },
      templating: {
        list: [
          { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
          variable('job', 'Platform', 'label_values(backupctl_build_info, job)'),
          variable(
            'backup_instance',
            'Instance',
            'label_values(backupctl_backup_last_success_timestamp_seconds{job=~"$job"}, backup_instance)',
          ),
        ],
      },
      panels,
    },
    null,
    2,
  )}\n`;
}

function panelOf({ title, description, kind, unit, queries, thresholds, stacked }: Panel): object {
  const steps = thresholds
    ? [
        { color: 'green', value: null },
        { color: 'orange', value: thresholds[0] },
        { color: 'red', value: thresholds[1] },
      ]
    : [{ color: 'green', value: null }];
  return {
    title,
    description,
    type: kind,
    datasource,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps },
        custom: stacked ? { stacking: { mode: 'normal' }, fillOpacity: 40 } : {},
      },
      overrides: [
        {
          matcher: { id: 'byRegexp', options: '/ (may be|reserve|allowed)$/' },
          properties: [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } }],
        },
      ],
    },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
      ...(kind === 'stat' ? { instant: true } : {}),
    })),
  };
}

function variable(name: string, label: string, query: string): object {
  return {
    name,
    label,
    type: 'query',
    datasource,
    query: { query, refId: name },
    includeAll: true,
    allValue: '.*',
    multi: true,
    current: { text: 'All', value: '$__all' },
    refresh: 2,
    sort: 1,
  };
}

function at(x: number, y: number, w: number, h: number): object {
  return { x, y, w, h };
}
