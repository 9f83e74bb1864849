import { describe, expect, test } from 'vitest';
import { metricDefinitions } from '../../worker/metric-definitions.ts';
import { PlatformMetrics } from '../../worker/metrics.ts';

/** The lines of one metric. */
const lines = (metrics: PlatformMetrics, name: string) =>
  metrics
    .render()
    .split('\n')
    .filter((line) => line.startsWith(name));

describe('the metrics of a platform', () => {
  test('are all defined with a sentence, and with names as Prometheus wants them', () => {
    for (const [name, { type, help, labels }] of Object.entries(metricDefinitions)) {
      expect(name).toMatch(/^(backupctl|process|nodejs)_[a-z_]+$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/[^.]$/);
      for (const label of labels) expect(label).toMatch(/^[a-z_]+$/);
    }
  });

  test('tell of a good backup its time, age, duration, bytes before and after, and rate', () => {
    const metrics = new PlatformMetrics('1.2.3');
    metrics.backupMade('orders', { seconds: 20, bytesIn: 2000, bytesOut: 2100 });
    metrics.backupEnded('orders', 'SUCCESS', null);
    const text = metrics.render();
    expect(text).toContain('backupctl_backup_last_duration_seconds{backup_instance="orders"} 20\n');
    expect(text).toContain('backupctl_backup_last_read_bytes{backup_instance="orders"} 2000\n');
    expect(text).toContain('backupctl_backup_last_size_bytes{backup_instance="orders"} 2100\n');
    expect(text).toContain('backupctl_backup_last_rate_bytes_per_second{backup_instance="orders"} 100\n');
    expect(text).toContain('backupctl_backups_total{backup_instance="orders",result="success"} 1\n');
    expect(text).toContain('backupctl_backups_total{backup_instance="orders",result="failure"} 0\n');
    expect(text).toContain('backupctl_build_info{version="1.2.3"} 1\n');
    const age = /backupctl_backup_last_success_age_seconds\{backup_instance="orders"\} (\S+)/.exec(text)?.[1];
    expect(Number(age)).toBeGreaterThanOrEqual(0);
  });

  test('count failures by the code of their error, and let a time of success not go back', () => {
    const metrics = new PlatformMetrics('0');
    metrics.lastSuccess('orders', new Date(2_000_000));
    metrics.lastSuccess('orders', new Date(1_000_000));
    metrics.backupEnded('orders', 'ERROR', 'credentials');
    metrics.backupEnded('orders', 'ERROR', null);
    expect(lines(metrics, 'backupctl_backup_last_success_timestamp')).toEqual([
      'backupctl_backup_last_success_timestamp_seconds{backup_instance="orders"} 2000',
    ]);
    expect(lines(metrics, 'backupctl_backup_failures_total')).toEqual([
      'backupctl_backup_failures_total{backup_instance="orders",reason="credentials"} 1',
      'backupctl_backup_failures_total{backup_instance="orders",reason="failed"} 1',
    ]);
  });

  test('begin counting at nought once an instance is known, so that its first failure is a rise', () => {
    const metrics = new PlatformMetrics('0');
    metrics.freshness('orders', { stale: false, maxAge: null, lastBackupAt: null });
    expect(lines(metrics, 'backupctl_backups_total')).toEqual([
      'backupctl_backups_total{backup_instance="orders",result="success"} 0',
      'backupctl_backups_total{backup_instance="orders",result="failure"} 0',
    ]);
  });

  test('give histograms cumulative buckets, a sum and a count', () => {
    const metrics = new PlatformMetrics('0');
    for (const seconds of [0.5, 60, 61, 1e9]) metrics.waited('lane', seconds);
    const found = lines(metrics, 'backupctl_queue_wait_seconds');
    expect(found).toContain('backupctl_queue_wait_seconds_bucket{queue="lane",le="1"} 1');
    expect(found).toContain('backupctl_queue_wait_seconds_bucket{queue="lane",le="60"} 2');
    expect(found).toContain('backupctl_queue_wait_seconds_bucket{queue="lane",le="86400"} 3');
    expect(found).toContain('backupctl_queue_wait_seconds_bucket{queue="lane",le="+Inf"} 4');
    expect(found).toContain('backupctl_queue_wait_seconds_sum{queue="lane"} 1000000121.5');
    expect(found).toContain('backupctl_queue_wait_seconds_count{queue="lane"} 4');
  });

  test('forget instances that are gone, so that nobody is woken by them for ever', () => {
    const metrics = new PlatformMetrics('0');
    metrics.freshness('orders', { stale: false, maxAge: null, lastBackupAt: null });
    metrics.freshness('gone', { stale: true, maxAge: 60, lastBackupAt: null });
    metrics.backupMade('gone', { seconds: 1, bytesIn: 1, bytesOut: 1 });
    metrics.forget('gone');
    expect(lines(metrics, 'backupctl_instance_')).toEqual([
      'backupctl_instance_stale{backup_instance="orders"} 0',
    ]);
    expect(lines(metrics, 'backupctl_backup_last_')).toEqual([]);
  });

  test('escape what a name may hold', () => {
    const metrics = new PlatformMetrics('0');
    metrics.copyDebt('a"b\\c\nd', 3);
    expect(lines(metrics, 'backupctl_copy_debt')).toEqual(['backupctl_copy_debt{copy="a\\"b\\\\c\\nd"} 3']);
  });
});
