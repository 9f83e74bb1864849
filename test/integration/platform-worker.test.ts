import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporal, type TemporalServer } from '../servers/temporal.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, runCli, spawnCli } from '../servers/workspace.ts';

interface Epoch {
  epoch: number;
  platform_id: string;
}

describe('a worker for a cluster', () => {
  const work = createWorkspace('worker');
  let temporal: TemporalServer;
  let env: Record<string, string>;
  beforeAll(async () => {
    temporal = await startTemporal();
    env = { TEMPORAL_ADDRESS: temporal.address };
  });
  afterAll(async () => {
    await temporal.stop();
    await work.remove();
  });

  const epoch = async (): Promise<Epoch> =>
    JSON.parse(await readFile(work.path('d', 'repository', 'epochs', '1.json'), 'utf8')) as Epoch;

  it('claims a new repository, shares it with its like of the same namespace, and drains on SIGTERM', async () => {
    const first = spawnCli(['worker', '--data-dir', work.path('d')], { env });
    await until(() => first.stdout.includes('epoch 1'), { what: 'the first worker', timeout: 60_000 });
    const second = spawnCli(['worker', '--data-dir', work.path('d'), '--task-queue', 'branch'], { env });
    await until(() => second.stdout.includes('epoch 1'), { what: 'the second worker', timeout: 60_000 });
    expect(second.stdout).toContain('task queue branch');
    for (const worker of [first, second]) worker.kill('SIGTERM');
    for (const worker of [first, second]) {
      expect(await worker.result).toMatchObject({ code: 0, signal: null, stderr: '' });
      expect(worker.stdout).toContain('Draining');
    }
    // RFC 9562: a name-based UUID has version 5, and is the same for all workers of a namespace.
    expect((await epoch()).platform_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
  });

  it('refuses a repository of another platform in one line', async () => {
    const other = await startTemporal();
    try {
      const { code, stderr } = await runCli(['worker', '--data-dir', work.path('d')], {
        env: { TEMPORAL_ADDRESS: other.address },
      });
      expect(code).toBe(4);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(stderr).toContain((await epoch()).platform_id);
    } finally {
      await other.stop();
    }
  });

  it('says in one line that Temporal does not answer', async () => {
    const { code, stderr } = await runCli(['worker', '--data-dir', work.path('d')], {
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    expect(code).toBe(6);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain('Temporal at 127.0.0.1:1 does not answer');
  });
});
