import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { projectRoot } from './cache.ts';
import { startPostgres } from './postgres.ts';
import { isAlive } from './process.ts';
import { startProxy } from './proxy.ts';
import { startS3 } from './s3.ts';
import { startTemporal } from './temporal.ts';
import { until } from './wait.ts';

describe.each([15, 18] as const)('PostgreSQL %i of the harness', (version) => {
  test('starts, wants its password, survives kill -9, stops, and leaves nothing', async () => {
    const server = await startPostgres({ version, settings: { work_mem: '5MB' } });
    try {
      expect(await server.psql('show server_version')).toMatch(new RegExp(`^${version}\\.`));
      expect(await server.psql('show work_mem')).toBe('5MB');
      const { host, port } = server;
      const client = new pg.Client({ host, port, user: 'postgres', password: server.superuserPassword });
      await client.connect();
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      await client.end();
      const stranger = new pg.Client({ host, port, user: 'postgres', password: 'wrong' });
      await expect(stranger.connect()).rejects.toThrow(/password authentication failed/);
      const { pid } = server;
      await server.kill9();
      expect(isAlive(pid)).toBe(false);
      await server.restart();
      expect(await server.psql('select 2')).toBe('2');
    } finally {
      await server.stop();
    }
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.socketDirectory)).toBe(false);
  });
});

test('Temporal of the harness starts, answers, and ends', async () => {
  const server = await startTemporal();
  try {
    const connection = await Connection.connect({ address: server.address });
    const { clusterName } = await connection.workflowService.getClusterInfo({});
    expect(clusterName).toBe('active');
    await connection.close();
  } finally {
    await server.stop();
  }
  expect(isAlive(server.pid)).toBe(false);
});

test('the S3 server of the harness stores an object and refuses to create it twice', async () => {
  const server = await startS3();
  const client = server.client();
  try {
    const { Buckets } = await client.send(new ListBucketsCommand({}));
    expect(Buckets?.map((bucket) => bucket.Name)).toEqual([server.bucket]);
    const put = () =>
      client.send(
        new PutObjectCommand({ Bucket: server.bucket, Key: 'a/b', Body: Buffer.from('c'), IfNoneMatch: '*' }),
      );
    await put();
    await expect(put()).rejects.toThrow(/pre-?conditions?/i);
    const got = await client.send(new GetObjectCommand({ Bucket: server.bucket, Key: 'a/b' }));
    expect(await got.Body?.transformToString()).toBe('c');
  } finally {
    client.destroy();
    await server.stop();
  }
  expect(isAlive(server.pid)).toBe(false);
});

describe('the proxy of the harness', () => {
  test('passes bytes both ways, and each fault strikes as often as it should', async () => {
    const server = await startS3();
    const proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    const client = server.client(`http://127.0.0.1:${proxy.port}`);
    const put = (key: string, size = 1) =>
      client.send(new PutObjectCommand({ Bucket: server.bucket, Key: key, Body: Buffer.alloc(size, 1) }));
    const stored = (key: string) => existsSync(`${server.directory}/${server.bucket}/${key}`);
    try {
      await put('plain', 200_000);
      expect(stored('plain')).toBe(true);
      expect(proxy.bytes['to-server']).toBeGreaterThan(200_000);

      const lost = proxy.inject({ action: 'drop-response', when: /^PUT \/backups\/lost/, times: 1 });
      await put('lost'); // the SDK tries again by itself
      expect(lost.hits).toBe(1);
      expect(stored('lost')).toBe(true);
      lost.remove();

      const cut = proxy.inject({ action: 'reset', after: 50_000, when: /^PUT \/backups\/cut/ });
      await expect(put('cut', 200_000)).rejects.toThrow();
      expect(cut.hits).toBeGreaterThan(1);
      expect(stored('cut')).toBe(false);
      proxy.clear();

      await put('cut', 200_000);
      const hole = proxy.inject({ action: 'blackhole', when: /^PUT \/backups\/hole/ });
      let answered = false;
      void put('hole').then(
        () => {
          answered = true;
        },
        () => {},
      );
      await until(() => hole.hits === 1, { what: 'the black hole to swallow a request' });
      await put('after'); // another connection is not concerned
      expect(answered).toBe(false);
      proxy.resetAll();
    } finally {
      client.destroy();
      await proxy.stop();
      await server.stop();
    }
  });
});

test.runIf(process.platform === 'linux')(
  'a test process that is killed takes its servers with it',
  async () => {
    const script = `
    const { startPostgres } = await import('./test/servers/postgres.ts');
    const { startS3 } = await import('./test/servers/s3.ts');
    const postgres = await startPostgres({ version: 18 });
    const s3 = await startS3();
    process.stdout.write(JSON.stringify({ pids: [postgres.pid, s3.pid], folders: [postgres.socketDirectory, dirname(s3.directory)] }));`;
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', `import { dirname } from 'node:path';${script}`],
      { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let told = '';
    child.stdout.on('data', (piece: Buffer) => {
      told += piece.toString();
    });
    await until(() => told.endsWith('}'), { what: 'the servers of the child' });
    const { pids, folders } = JSON.parse(told) as { pids: number[]; folders: string[] };
    try {
      expect(pids.map(isAlive)).toEqual([true, true]);
      child.kill('SIGKILL');
      await until(() => !pids.some(isAlive), { what: 'the servers to end with their starter' });
    } finally {
      child.kill('SIGKILL');
      for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
);
