import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../repository/stores/open.ts';
import { type LostPlatform, makeLostPlatform } from '../fixtures/lost-platform.ts';
import { type HttpProxy, startHttpProxy } from '../servers/http-proxy.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { until } from '../servers/wait.ts';
import {
  cliEnvironment,
  createWorkspace,
  killTree,
  launcher,
  runCli,
  spawnCli,
  type Workspace,
} from '../servers/workspace.ts';
import { filesBelow } from './fixture.ts';

interface Recovery {
  epoch: { epoch: number; platform_id: string } | null;
  schedules_done: { created: number; changed: number; kept: number; deleted: number } | null;
  problems: string[];
  backups: { whole: number; damaged: object[]; incomplete: object[] };
}

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace('takeover');
});
afterAll(() => workspace?.remove());

/** A repository in a directory of the workspace. */
async function lostIn(
  name: string,
  schedules: number,
  backups = 0,
): Promise<LostPlatform & { path: string }> {
  const path = workspace.path(name, 'repository');
  const store = await openStore({ type: 'filesystem', path });
  const lost = await makeLostPlatform(store, workspace.path(name), { instances: 2, schedules });
  await lost.addBackups(backups);
  return { ...lost, path };
}

const words = (dataDir: string, repository: string, identity: string) => [
  ...['recover', '--data-dir', dataDir, '--repository', repository, '--identity', identity, '--json'],
];

describe('recover on S3', () => {
  let s3: S3Server;
  let proxy: HttpProxy;
  let lost: LostPlatform;
  beforeAll(async () => {
    s3 = await startS3();
    proxy = await startHttpProxy(s3.endpoint);
    const { accessKeyId, secretAccessKey, bucket, endpoint } = s3;
    const store = await openStore({
      ...{ type: 's3', bucket, prefix: 'prod', region: s3.region, endpoint, forcePathStyle: true },
      credentials: { accessKeyId, secretAccessKey },
    });
    lost = await makeLostPlatform(store, workspace.path('s3'), { instances: 1, schedules: 3 });
    await lost.addBackups(2);
  }, 60_000);
  afterAll(async () => {
    await lost?.repository.store.close();
    await proxy?.close();
    await s3?.stop();
  });

  test('of two that recover a bucket at once one wins; the other ends with a conflict and has made no schedule', async () => {
    const takes = (request: { method: string; url: string }) =>
      request.method === 'PUT' && request.url.includes('/epochs/2.json');
    // Both have read that epoch 1 is the newest before either may take the next one.
    const held = proxy.fault(takes, { kind: 'answer', status: 503 }, 1000);
    const folders = ['left', 'right'].map((name) => workspace.path(name));
    const both = folders.map((folder) =>
      spawnCli([...words(folder, `s3://${s3.bucket}/prod`, lost.identity), '--endpoint', proxy.endpoint], {
        env: s3.env,
      }),
    );
    await until(() => folders.every((folder) => existsSync(join(folder, 'recovery.json'))), {
      what: 'both to be about to take it',
    });
    await until(() => held.hits >= 2, { what: 'both to try' });
    held.remove();
    const ends = await Promise.all(both.map(({ result }) => result));
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 5]);
    const lostIndex = ends.findIndex(({ code }) => code === 5);
    const loser = ends[lostIndex];
    expect(loser?.stderr).toContain('has just been claimed by');
    expect(loser?.stderr.trimEnd().split('\n')).toHaveLength(1);
    const winner = JSON.parse(ends[1 - lostIndex]?.stdout ?? '') as Recovery;
    expect(winner).toMatchObject({
      epoch: { epoch: 2 },
      schedules_done: { created: 3 },
      backups: { whole: 2 },
    });
    // It never came to start a Temporal.
    expect(existsSync(join(folders[lostIndex] ?? '', 'temporal.db'))).toBe(false);
    expect(existsSync(join(folders[lostIndex] ?? '', 'recovery.json'))).toBe(false);
    expect((await lost.repository.newestEpoch())?.epoch).toBe(2);
  }, 90_000);
});

test('killed in the middle and called again it goes on; what was there already is not made twice', async () => {
  const lost = await lostIn('killed', 40);
  const dataDir = workspace.path('killed', 'data');
  const first = spawnCli(words(dataDir, lost.path, lost.identity));
  await until(() => existsSync(join(dataDir, 'temporal.db')) && existsSync(join(dataDir, 'recovery.json')), {
    what: 'the recovery to be under way',
    interval: 5,
  });
  await killTree(first.pid);
  await first.result;
  // The epoch is ours, and `up` would begin: but for the schedules that are not all there yet.
  expect((await lost.repository.newestEpoch())?.epoch).toBe(2);
  const early = spawnCli(['up', '--data-dir', dataDir, '--ready-file', join(dataDir, 'ready')]);
  await until(() => early.stdout.includes('a recovery is under way'), {
    what: 'up to wait',
    timeout: 60_000,
  });
  expect(existsSync(join(dataDir, 'ready'))).toBe(false);

  const again = await runCli(words(dataDir, lost.path, lost.identity));
  expect(again.code, again.stderr).toBe(0);
  const done = JSON.parse(again.stdout) as Recovery;
  expect(done.epoch?.epoch).toBe(2);
  expect((done.schedules_done?.created ?? 0) + (done.schedules_done?.kept ?? 0)).toBe(40);
  await until(() => existsSync(join(dataDir, 'ready')), { what: 'up to begin', timeout: 60_000 });
  const listed = await runCli(['schedule-list', '--data-dir', dataDir, '--json']);
  const ids = (JSON.parse(listed.stdout) as { id: string }[]).map(({ id }) => id);
  expect(ids.sort()).toEqual(lost.schedules.map(({ id }) => id).sort());
  early.kill('SIGTERM');
  expect((await early.result).code).toBe(0);
}, 120_000);

test('a long answer arrives whole, however slowly it is read', async () => {
  const lost = await lostIn('wide', 300);
  const line = [launcher, ...words(workspace.path('wide', 'data'), lost.path, lost.identity), '--dry-run'];
  // A pipe holds 64 KiB: the rest has to wait for the reader.
  const { stdout } = await promisify(execFile)('sh', ['-c', `"$@" | { sleep 3; cat; }`, 'sh', ...line], {
    env: cliEnvironment(),
    maxBuffer: 2 ** 24,
  });
  expect(stdout.length).toBeGreaterThan(65_536);
  expect((JSON.parse(stdout) as { schedules: object[] }).schedules).toHaveLength(300);
}, 60_000);

test('with copies any one will do: those that answer are taken over, and what each lacks is named', async () => {
  const lost = await lostIn('copies', 1, 3);
  const copy = workspace.path('copies', 'offsite');
  await cp(lost.path, copy, { recursive: true });
  const newest = (await filesBelow(join(copy, 'backups')))
    .filter((file) => file.endsWith('manifest.json'))
    .at(-1);
  await rm(join(copy, 'backups', (newest ?? '').split('/').slice(0, 2).join('/')), { recursive: true });
  const config = await workspace.file(
    'copies/backupctl.yaml',
    [
      'repository: { type: filesystem, path: repository }',
      'copies:',
      '  - { name: offsite, type: filesystem, path: offsite }',
      '  - { name: burnt, type: filesystem, path: burnt }',
    ].join('\n'),
  );
  const dataDir = workspace.path('copies', 'data');
  const line = [...words(dataDir, copy, lost.identity), '--config', config];
  const { code, stdout, stderr } = await runCli(line);
  expect(code, stderr).toBe(9);
  const done = JSON.parse(stdout) as Recovery & { places: { name: string; backups: number | null }[] };
  expect(done).toMatchObject({ epoch: { epoch: 2 }, backups: { whole: 2 } });
  expect(done.places.map(({ name, backups }) => [name, backups])).toEqual([
    ['primary', 3],
    ['offsite', 2],
    ['burnt', null],
  ]);
  expect(done.problems.join('\n')).toContain('offsite');
  expect(done.problems.join('\n')).toMatch(/burnt .* is left out/);
  // Both belong to the new platform now.
  for (const path of [lost.path, copy]) {
    const epoch = JSON.parse(await readFile(join(path, 'epochs', '2.json'), 'utf8')) as {
      platform_id: string;
    };
    expect(epoch.platform_id).toBe(done.epoch?.platform_id);
  }
}, 60_000);

test('what is damaged is named, and stops nothing else', async () => {
  const lost = await lostIn('damaged', 3, 3);
  const [cut, odd] = lost.schedules;
  await writeFile(join(lost.path, `schedules/${cut?.id}/2.json`), '{"id": "cut');
  if (odd !== undefined) await lost.putSchedule({ ...odd, revision: 2, pattern: '99 * * * *' });
  await writeFile(join(lost.path, `instances/${lost.instances[1]?.id}/2.json`), 'null');
  const backups = await filesBelow(join(lost.path, 'backups'));
  const manifest = backups.find((file) => file.endsWith('manifest.json')) ?? '';
  await writeFile(join(lost.path, 'backups', manifest), '{}');
  const folder = (file: string) => file.split('/').slice(0, 2).join('/');
  const object = backups.find((file) => file.includes('/data/') && folder(file) !== folder(manifest)) ?? '';
  await rm(join(lost.path, 'backups', object));

  const { code, stdout, stderr } = await runCli(
    words(workspace.path('damaged', 'data'), lost.path, lost.identity),
  );
  expect(code, stderr).toBe(9);
  const done = JSON.parse(stdout) as Recovery;
  expect(done).toMatchObject({
    schedules_done: { created: 1 },
    backups: { whole: 1, damaged: [{}], incomplete: [{ missing: 1 }] },
  });
  const named = done.problems.join('\n');
  for (const part of [
    `${cut?.id}/2.json`,
    odd?.id,
    `${lost.instances[1]?.id}/2.json`,
    object,
    folder(manifest),
  ]) {
    expect(named).toContain(String(part).split('/').at(-1));
  }
  expect(done.problems.length).toBeGreaterThanOrEqual(5);
}, 60_000);

test('back on its first machine, Temporal there is made what the repository has become meanwhile', async () => {
  const dataDir = workspace.path('first', 'data');
  const first = await startPlatform({ dataDir });
  const repository = join(dataDir, 'repository');
  const named = async (platform: Platform, name: string, ...more: string[]) =>
    (await platform.json<{ id: string }>(['schedule-create', 'orders', '0 1 * * *', name, ...more])).id;
  const instance = ['instance-create', 'orders', '--url', 'postgres://u@127.0.0.1:1/d', '--no-check'];
  await first.json(instance);
  const [changed, deleted] = [await named(first, 'changed'), await named(first, 'deleted')];
  await exported(first, async () => (await copyOf(repository, deleted)) !== null);
  await first.shutDown();
  const identity = join(dataDir, 'identity.txt');
  const second = workspace.path('first', 'second');
  const there = await runCli([...words(second, repository, identity), '--activate']);
  expect(there.code, there.stderr).toBe(0);
  const elsewhere = await startPlatform({ dataDir: second });
  await elsewhere.json(['schedule-update', changed, '--pattern', '0 7 * * *']);
  await elsewhere.cli(['schedule-delete', deleted]);
  const added = await named(elsewhere, 'added');
  await exported(
    elsewhere,
    async () =>
      (await copyOf(repository, added)) !== null && (await copyOf(repository, deleted))?.deleted === true,
  );
  await elsewhere.shutDown();
  // What the second one signed is believed by whoever has its identity.
  await cp(join(second, 'identity.txt'), identity);

  const { code, stdout, stderr } = await runCli([...words(dataDir, repository, identity), '--activate']);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    epoch: { epoch: 3 },
    schedules_done: { created: 1, changed: 1, deleted: 1, kept: 0 },
  });
  await first.restart();
  const schedules = await first.json<{ id: string; pattern: string; paused: boolean }[]>(['schedule-list']);
  expect(schedules.map(({ id, pattern, paused }) => ({ id, pattern, paused }))).toEqual(
    expect.arrayContaining([
      { id: changed, pattern: '0 7 * * *', paused: false },
      { id: added, pattern: '0 1 * * *', paused: false },
    ]),
  );
  expect(schedules).toHaveLength(2);
  await first.stop();
}, 240_000);

/** The last copy of a schedule in a repository; null where there is none. */
async function copyOf(repository: string, id: string): Promise<{ deleted: boolean } | null> {
  const folder = join(repository, 'schedules', id);
  const revisions = existsSync(folder) ? await readdir(folder) : [];
  const last = Math.max(0, ...revisions.map((name) => Number(/^(\d+)\.json$/.exec(name)?.[1] ?? 0)));
  return last === 0 ? null : JSON.parse(await readFile(join(folder, `${last}.json`), 'utf8'));
}

/** Has the reconciler look now and not within a minute. */
async function exported(platform: Platform, done: () => Promise<boolean>): Promise<void> {
  const connection = await Connection.connect({ address: `127.0.0.1:${platform.temporalPort}` });
  try {
    const reconciler = new Client({ connection }).schedule.getHandle('backupctl-reconciler');
    await until(
      async () => {
        if (await done()) return true;
        await reconciler.trigger();
        return false;
      },
      { what: 'the schedules to be exported', timeout: 90_000, interval: 1_000 },
    );
  } finally {
    await connection.close();
  }
}
