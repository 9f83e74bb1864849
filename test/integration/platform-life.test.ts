import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  identityOf,
  isAlive,
  type ProcessIdentity,
  processesWithArguments,
} from '../../worker/process-identity.ts';
import { findProgram } from '../servers/cache.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { freePort } from '../servers/port.ts';
import { descendants } from '../servers/process.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, runCli, spawnCli } from '../servers/workspace.ts';

interface PlatformFile {
  platform_id: string;
  pid: number;
  temporal_address: string;
  ui_port: number;
  port: number;
}

const json = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T;
const platformFile = (dataDir: string) => json<PlatformFile>(join(dataDir, 'platform.json'));
const temporalOf = async (dataDir: string): Promise<ProcessIdentity> => {
  const { temporal } = await json<{ temporal: ProcessIdentity }>(join(dataDir, 'life.json'));
  return temporal;
};

function ask(
  port: number,
  path: string,
  host = `127.0.0.1:${port}`,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

/** Local addresses (IPv4 and IPv6) on which a process listens, as /proc has them in hex. */
async function listeners(pids: number[]): Promise<string[]> {
  const inodes = new Set<string>();
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const { readlink } = await import('node:fs/promises');
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  }
  const found: string[] = [];
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === '0A' && inodes.has(fields[9] ?? '')) found.push(fields[1] ?? '');
    }
  }
  return found;
}

describe('a platform that runs', () => {
  let up: Platform;
  beforeAll(async () => {
    up = await startPlatform({ args: ['--log-format', 'text'] });
  });
  afterAll(() => up.stop());

  it('says in at most 15 lines where things are and what to do next', async () => {
    await until(() => up.stdout.includes('offline'), { what: 'the start-up text' });
    const lines = up.stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(15);
    expect(up.stdout).toContain(`export BACKUPCTL_DATA_DIR=${up.dataDir}`);
    expect(up.stdout).toContain('backupctl instance-create');
    expect(up.stdout).toContain('a second one that is kept offline');
    expect(up.stderr).toBe('');
  });

  it('keeps everything in its data directory from other users', async () => {
    for (const name of await readdir(up.dataDir)) {
      const { mode } = await stat(join(up.dataDir, name));
      expect([name, mode & 0o077]).toEqual([name, 0]);
    }
    expect(await readFile(join(up.dataDir, 'identity.txt'), 'utf8')).toMatch(/^AGE-SECRET-KEY-1[A-Z0-9]+$/m);
  });

  it('answers healthz, readyz and metrics, and nothing that came by another host name', async () => {
    expect(await ask(up.port, '/healthz')).toEqual({ status: 200, body: 'ok\n' });
    expect(await ask(up.port, '/readyz')).toEqual({ status: 200, body: 'ok\n' });
    const { body } = await ask(up.port, '/metrics');
    expect(body).toMatch(/^backupctl_temporal_up 1$/m);
    expect(body).toMatch(/^backupctl_worker_up 1$/m);
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect((await ask(up.port, '/metrics', 'evil.example')).status).toBe(403);
    expect((await ask(up.port, '/')).status).toBe(404);
  });

  it.runIf(process.platform === 'linux')('listens on 127.0.0.1 alone, and so do its children', async () => {
    const found = await listeners([up.pid, ...(await descendants(up.pid))]);
    expect(found.length).toBeGreaterThanOrEqual(3);
    // 0100007F is 127.0.0.1.
    expect(found.filter((address) => !address.startsWith('0100007F:'))).toEqual([]);
  });

  it('keeps histories for 90 days and knows our search attributes', async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${up.temporalPort}` });
    try {
      const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
      expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 86_400);
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace: 'default',
      });
      expect(Object.keys(customAttributes ?? {})).toEqual(
        expect.arrayContaining([
          'BackupctlExecution',
          'BackupctlInstance',
          'BackupctlSchedule',
          'BackupctlBackup',
        ]),
      );
    } finally {
      await connection.close();
    }
  });

  it.runIf(process.platform === 'linux')('takes no request that a web page made a browser send', async () => {
    // Temporal's HTTP API asks neither for an origin nor for a content type, and is on a port of its own choice.
    const { pid } = await temporalOf(up.dataDir);
    const refusals: number[] = [];
    for (const address of await listeners([pid])) {
      const port = Number.parseInt(address.split(':')[1] ?? '', 16);
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default/workflows/from-a-page`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain', origin: 'http://page.example' },
        body: JSON.stringify({ workflowType: { name: 'janitor' }, taskQueue: { name: 'backupctl' } }),
      }).catch(() => null); // gRPC's ports speak no HTTP/1
      if (answer !== null) refusals.push(answer.status);
    }
    expect(refusals).toContain(403);
    expect(refusals.filter((status) => status < 400)).toEqual([]);
  });

  it('serves the web page of Temporal on a port of its own', async () => {
    const { ui_port } = await platformFile(up.dataDir);
    expect((await ask(ui_port, '/')).status).toBeLessThan(400);
  });

  it('refuses a second one on its data directory, and names the pid of the first', async () => {
    const readyFile = join(up.dataDir, 'second.ready');
    await writeFile(readyFile, 'of somebody else');
    const second = await runCli(['up', '--data-dir', up.dataDir, '--ready-file', readyFile]);
    const { pid } = await platformFile(up.dataDir);
    expect(second.code).toBe(5);
    expect(second.stderr).toContain(`(pid ${pid})`);
    expect(second.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(existsSync(readyFile)).toBe(true);
    expect((await ask(up.port, '/readyz')).status).toBe(200);
  });

  it('refuses, in one line each, ports that are taken', async () => {
    await using work = createWorkspace('taken');
    for (const flag of ['--port', '--temporal-port', '--ui-port']) {
      const other = await runCli(['up', '--data-dir', work.path('d'), flag, String(up.port)]);
      expect(other.code).toBe(5);
      expect(other.stderr).toContain(`port ${up.port} (${flag}) is taken`);
      expect(other.stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });

  it('runs beside another one with its own ports, id and repository', async () => {
    const other = await startPlatform();
    try {
      const [a, b] = [await platformFile(up.dataDir), await platformFile(other.dataDir)];
      expect(a.platform_id).not.toBe(b.platform_id);
      expect(a.temporal_address).not.toBe(b.temporal_address);
      expect(await other.json<unknown[]>(['schedule-list'])).toEqual([]);
    } finally {
      expect(await other.stop()).toBe(0);
    }
  });

  it('starts Temporal again when that ends by itself, and is not ready meanwhile', async () => {
    const temporal = await temporalOf(up.dataDir);
    process.kill(temporal.pid, 'SIGKILL');
    await until(async () => (await ask(up.port, '/readyz')).status === 503, { what: 'readyz to fail' });
    await until(async () => (await ask(up.port, '/readyz')).status === 200, { what: 'readyz to recover' });
    expect((await temporalOf(up.dataDir)).pid).not.toBe(temporal.pid);
    expect((await ask(up.port, '/metrics')).body).toMatch(/^backupctl_temporal_restarts_total 1$/m);
  });
});

describe('a platform that ends', () => {
  it('stops within ten seconds of SIGTERM, with its ready-file and its children gone', async () => {
    const work = createWorkspace('stop');
    const up = await startPlatform({ dataDir: work.path('d') });
    const children = await descendants(up.pid);
    const begun = performance.now();
    const { code, signal } = await up.shutDown();
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(children.filter((pid) => identityOf(pid) !== null)).toEqual([]);
    await work.remove();
  });

  it('returns with its schedules and its id after kill -9 of `up` alone, whose Temporal dies with it', async () => {
    const up = await startPlatform();
    try {
      const before = await platformFile(up.dataDir);
      const temporal = await temporalOf(up.dataDir);
      const marker = 'a-schedule-of-somebody';
      await withSchedule(before.temporal_address, marker);
      await up.kill9('up');
      await until(() => !isAlive(temporal), { what: 'Temporal to die with its parent' });
      await up.restart();
      const after = await platformFile(up.dataDir);
      expect(after.platform_id).toBe(before.platform_id);
      expect(await scheduleIds(after.temporal_address)).toContain(marker);
    } finally {
      await up.stop();
    }
  });

  it('ends a Temporal server that an earlier life left on its database before it starts its own', async () => {
    const up = await startPlatform();
    let stray: ProcessIdentity | null = null;
    try {
      await up.kill9('everything');
      const database = join(up.dataDir, 'temporal.db');
      const port = await freePort();
      const words = ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)];
      // Without a parent-death signal: what is left where there is none.
      const child = spawn(findProgram('temporal'), [...words, '--db-filename', database], {
        stdio: 'ignore',
      });
      stray = identityOf(child.pid ?? -1);
      await until(
        () => Connection.connect({ address: `127.0.0.1:${port}` }).then((c) => c.close().then(() => true)),
        {
          what: 'the stray server',
        },
      );
      if (process.platform !== 'linux') {
        // There the record alone tells it from others.
        const life = join(up.dataDir, 'life.json');
        await writeFile(life, JSON.stringify({ ...(await json<object>(life)), temporal: stray }));
      }
      await up.restart();
      expect(stray !== null && isAlive(stray)).toBe(false);
      expect(processesWithArguments('start-dev', database)).toHaveLength(
        process.platform === 'linux' ? 1 : 0,
      );
    } finally {
      if (stray !== null && isAlive(stray)) process.kill(stray.pid, 'SIGKILL');
      await up.stop();
    }
  });

  it('removes a stale ready-file before anything else, also when it cannot start', async () => {
    await using work = createWorkspace('stale');
    const readyFile = await work.file('ready', 'stale');
    const taken = await startListener();
    try {
      const words = [
        'up',
        '--data-dir',
        work.path('d'),
        '--ready-file',
        readyFile,
        '--port',
        String(taken.port),
      ];
      expect((await runCli(words)).code).toBe(5);
      expect(existsSync(readyFile)).toBe(false);
    } finally {
      taken.close();
    }
  });

  it('does not take another process for its former Temporal because it has the same pid', async () => {
    const up = await startPlatform();
    const bystander = spawn('sleep', ['300'], { stdio: 'ignore' });
    try {
      await up.kill9('everything');
      const life = join(up.dataDir, 'life.json');
      const recorded = await json<{ up: ProcessIdentity; temporal: ProcessIdentity }>(life);
      recorded.temporal.pid = bystander.pid ?? -1;
      await writeFile(life, JSON.stringify(recorded));
      await up.restart();
      expect(identityOf(bystander.pid ?? -1)).not.toBeNull();
    } finally {
      bystander.kill('SIGKILL');
      await up.stop();
    }
  });
});

describe('a repository that another platform owns', () => {
  it('is read and named, and neither changed nor claimed; once `recover` was run the work begins', async () => {
    await using work = createWorkspace('foreign');
    const first = await startPlatform({ dataDir: work.path('first') });
    await first.shutDown();
    await work.file('second.yaml', 'repository: { type: filesystem, path: first/repository }\n');
    const before = await everyFile(work.path('first', 'repository'));
    const ready = work.path('ready');
    const words = ['--data-dir', work.path('second'), '--config', work.path('second.yaml')];
    const reader = spawnCli(['up', ...words, '--ready-file', ready]);
    try {
      await until(() => reader.stdout.includes('\n'), { what: 'up to say whose it is', timeout: 60_000 });
      const { platform_id, port } = await platformFile(work.path('second'));
      expect(reader.stdout.trimEnd().split('\n')).toHaveLength(1);
      expect(reader.stdout).toContain((await platformFile(work.path('first'))).platform_id);
      expect(reader.stdout).toContain('backupctl recover');
      expect(await ask(port, '/readyz')).toMatchObject({ status: 503 });
      expect((await ask(port, '/readyz')).body).toContain('backupctl recover');
      expect((await ask(port, '/metrics')).body).toMatch(/^backupctl_repository_owned 0$/m);
      const listed = await runCli(['backup-list', ...words]);
      expect([listed.code, listed.stderr]).toEqual([0, '']);
      const refused = await runCli([
        'instance-create',
        'x',
        ...words,
        '--url',
        'postgres://u@h/d',
        '--no-check',
      ]);
      expect(refused.code).toBe(4);
      expect(await everyFile(work.path('first', 'repository'))).toEqual(before);
      expect(existsSync(ready)).toBe(false);

      // Without --repository, that of the configuration; the `up` that runs takes it from there.
      const identity = ['--identity', work.path('first', 'identity.txt')];
      const { code, stdout, stderr } = await runCli(['recover', ...words, ...identity, '--json']);
      expect([code, stderr]).toEqual([0, expect.stringContaining('keep a new copy of')]);
      expect(JSON.parse(stdout)).toMatchObject({ epoch: { epoch: 2, platform_id } });
      await until(() => existsSync(ready), { what: 'the ready-file' });
      expect((await ask(port, '/readyz')).status).toBe(200);
      const created = await runCli([
        'instance-create',
        'x',
        ...words,
        '--url',
        'postgres://u@h/d',
        '--no-check',
      ]);
      expect(created.code, created.stderr).toBe(0);
    } finally {
      reader.kill('SIGTERM');
      await reader.result;
    }
    expect((await reader.result).code).toBe(0);
  });
});

async function everyFile(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).sort();
}

async function withSchedule(address: string, scheduleId: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    const { Client } = await import('@temporalio/client');
    await new Client({ connection }).schedule.create({
      scheduleId,
      spec: { intervals: [{ every: '30 days' }] },
      action: { type: 'startWorkflow', workflowType: 'none', taskQueue: 'none' },
    });
  } finally {
    await connection.close();
  }
}

async function scheduleIds(address: string): Promise<string[]> {
  const connection = await Connection.connect({ address });
  try {
    const { schedules } = await connection.workflowService.listSchedules({ namespace: 'default' });
    return (schedules ?? []).map(({ scheduleId }) => scheduleId ?? '');
  } finally {
    await connection.close();
  }
}

async function startListener(): Promise<{ port: number; close(): void }> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => server.close(),
  };
}
