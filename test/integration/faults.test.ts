import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { runCli, spawnCli } from '../servers/workspace.ts';
import {
  type BackupJson,
  filesBelow,
  openShop,
  productSessions,
  type Shop,
  waitForState,
} from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 40_000 });
});
afterEach(() => shop?.proxy.clear());
afterAll(() => shop?.stop());

const slowly = (bytesPerSecond = 1_000_000) =>
  shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond });

/** Processes of a name whose command line or environment has to do with this shop's PostgreSQL. */
function children(name: string): number[] {
  const out = execFileSync('ps', ['-eo', 'pid,comm,args'], { encoding: 'utf8' });
  return out
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match?.[2] === name && hasAncestor(Number(match[1]), shop.platform.pid))
    .map((match) => Number(match?.[1]));
}

function hasAncestor(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true;
    try {
      at = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return false;
    }
  }
  return false;
}

async function beginBackup(name: string): Promise<{ executionId: string; backupId: string }> {
  const backup = await shop.platform.json<{ id: string; execution_id: string }>([
    'backup-create',
    'orders',
    name,
  ]);
  await until(() => children('pg_dump').length > 0, { what: 'pg_dump to run' });
  return { executionId: backup.execution_id, backupId: backup.id };
}

async function verified(backupId: string): Promise<void> {
  const { code, stdout, stderr } = await shop.platform.cli(['backup-verify', backupId, '--data']);
  expect(code, `${stdout}${stderr}`).toBe(0);
}

describe('the worst night', () => {
  test.each(['pg_dump', 'zstd', 'pg_restore', 'tee'])(
    'killing %s in the middle is retried to a backup that is whole, and leaves nothing else',
    async (name) => {
      const fault = slowly();
      const { executionId, backupId } = await beginBackup(`kill-${name}`);
      const [victim] = await until(
        () => {
          const found = children(name);
          return found.length > 0 ? found : null;
        },
        { what: `${name} to run` },
      );
      process.kill(victim as number, 'SIGKILL');
      fault.remove();
      await waitForState(shop, executionId, 'SUCCESS');
      await verified(backupId);
      const shown = await shop.platform.json<{ steps: { name: string; attempts: number }[] }>([
        'execution-show',
        executionId,
      ]);
      expect(shown.steps.find(({ name }) => name === 'dump_upload')?.attempts).toBeGreaterThan(1);
      const attempts = new Set(
        (await filesBelow(shop.repository))
          .filter((file) => file.includes(backupId))
          .map((file) => /\/data\/([^/]+)\//.exec(file)?.[1])
          .filter(Boolean),
      );
      expect(attempts.size).toBe(1);
    },
    90_000,
  );

  test('killing the platform in the middle of a dump: the run goes on by itself and ends COMPLETED', async () => {
    const fault = slowly();
    const { executionId, backupId } = await beginBackup('killed');
    await shop.platform.kill9('everything');
    fault.remove();
    await shop.platform.restart();
    const execution = await waitForState(shop, executionId, 'SUCCESS', 'ERROR');
    expect(execution.state, JSON.stringify(execution.output)).toBe('SUCCESS');
    await verified(backupId);
    await until(async () => (await productSessions(shop)).length === 0, { what: 'no session to be left' });
  }, 300_000);

  test('SIGTERM in the middle of a dump ends the platform within 10 s, and the dump goes on at the next start', async () => {
    const fault = slowly();
    const { executionId, backupId } = await beginBackup('stopped');
    const begun = performance.now();
    const { code } = await shop.platform.shutDown();
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(code).toBe(0);
    fault.remove();
    await shop.platform.restart();
    expect((await waitForState(shop, executionId, 'SUCCESS', 'ERROR')).state).toBe('SUCCESS');
    await verified(backupId);
  }, 300_000);

  test('a worker that is stopped, replaced and woken up again changes nothing', async () => {
    const fault = slowly(400_000);
    const { executionId, backupId } = await beginBackup('zombie');
    const stopped = [shop.platform.pid, ...children('pg_dump'), ...children('zstd')];
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    const second = spawnCli(['worker'], { env: shop.platform.env });
    try {
      fault.remove();
      await waitForState(shop, executionId, 'SUCCESS');
      const before = await snapshot();
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
      // The zombie hears that it is one with its next heartbeat, and takes its own objects away.
      await until(() => children('pg_dump').length === 0, {
        timeout: 60_000,
        what: 'the zombie to end its dump',
      });
      await until(async () => JSON.stringify(await snapshot()) === JSON.stringify(before), {
        timeout: 60_000,
        what: 'the repository to be as it was',
      });
      await verified(backupId);
      const backups = await shop.platform.json<BackupJson[]>(['backup-list']);
      const made = backups.filter(({ name }) => name === 'zombie');
      expect(made.map(({ id, status }) => [id, status])).toEqual([[backupId, 'COMPLETED']]);
    } finally {
      for (const pid of stopped) {
        try {
          process.kill(pid, 'SIGCONT');
        } catch {}
      }
      second.kill('SIGTERM');
      await second.result;
    }
  }, 400_000);

  test('Temporal that does not answer is one line that says so', async () => {
    await shop.platform.kill9('everything');
    const { code, stderr, stdout } = await runCli(['schedule-list'], { env: shop.platform.env });
    expect(code).toBe(6);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    await shop.platform.restart();
  }, 90_000);
});

/** Committed objects with their sizes. */
async function snapshot(): Promise<string[]> {
  return (await filesBelow(shop.repository)).filter((file) => file.startsWith('backups/'));
}
