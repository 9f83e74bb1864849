import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../servers/workspace.ts';
import { filesBelow, openShop, type Shop } from './fixture.ts';

type Row = Record<string, unknown> & { id: string };

let shop: Shop;
let backup: Row;

beforeAll(async () => {
  shop = await openShop();
  backup = await shop.platform.json<Row>(['backup-create', 'orders', 'first', '--wait']);
}, 200_000);

afterAll(() => shop?.stop());

const cli = (...words: string[]) => shop.platform.cli(words);
const json = <T = Row>(...words: string[]) => shop.platform.json<T>(words);
const listed = async (...words: string[]) => (await json<Row[]>('backup-list', ...words)).map(({ id }) => id);

describe('backups by the command line', () => {
  test('are listed by instance and by datastore, in pages whose marker is the first row', async () => {
    const second = await json('backup-create', 'orders', 'second', '--wait');
    expect(await listed('--instance', 'orders', '--datastore', 'postgres')).toEqual([backup.id, second.id]);
    expect(await listed('--datastore', 'mysql')).toEqual([]);
    expect(await listed('--limit', '1')).toEqual([second.id]);
    expect(await listed('--limit', '1', '--marker', second.id)).toEqual([backup.id]);
    expect(await json('backup-list-instance', shop.instanceId)).toMatchObject([{ name: 'first' }, {}]);
    expect(await json('backup-show', 'orders@latest')).toMatchObject({ id: second.id, name: 'second' });
  });

  test('are exported sealed as they are, and unsealed as zstd reads them', async () => {
    const sealed = shop.workspace.path('sealed');
    const files = await json<{ path: string; size: number }[]>(
      ...['backup-export', backup.id, '--to-directory', sealed],
    );
    expect((await readdir(sealed)).sort()).toEqual(files.map(({ path }) => path.split('/').at(-1)).sort());
    expect((await readFile(join(sealed, 'shop.pgc.zst.0000.age'))).subarray(0, 21).toString()).toBe(
      'age-encryption.org/v1',
    );
    const open = shop.workspace.path('open');
    expect((await cli('backup-export', backup.id, '--to-directory', open, '--unsealed')).code).toBe(0);
    const magic = (await readFile(join(open, 'shop.pgc.zst'))).subarray(0, 4);
    expect(magic.toString('hex')).toBe('28b52ffd');
  });

  test('are gone from list and name as soon as backup-delete --wait returns, their bytes after the grace', async () => {
    const doomed = await json('backup-create', 'orders', 'doomed', '--wait');
    expect((await cli('backup-delete', 'doomed')).code).toBe(2);
    const deleted = await cli('backup-delete', 'doomed', '--yes', '--wait');
    expect([deleted.code, deleted.stdout, deleted.stderr]).toEqual([0, '', '']);
    expect(await listed()).not.toContain(doomed.id);
    expect((await cli('backup-show', 'doomed')).code).toBe(3);
    const bytes = async () => (await filesBelow(shop.repository)).filter((file) => file.includes(doomed.id));
    expect((await bytes()).some((file) => file.endsWith('manifest.json'))).toBe(true);

    const janitor = await json('janitor-run', '--grace', '0', '--wait');
    expect(janitor).toMatchObject({ kind: 'janitor', state: 'SUCCESS' });
    expect((await bytes()).filter((file) => file.startsWith('backups/'))).toEqual([]);
    expect(await listed()).toContain(backup.id);
  });

  test('on which a restore works are refused by backup-delete --wait, and stay', async () => {
    const fault = shop.proxy.inject({ action: 'throttle', direction: 'to-server', bytesPerSecond: 2_000 });
    try {
      const restore = await json('restore-create', backup.id, '--to', 'orders', '--create-database', 'slow');
      const marks = async () => (await json<Row & { marks: Row[] }>('backup-show', backup.id)).marks;
      await expect.poll(marks, { timeout: 60_000 }).toMatchObject([{ kind: 'pin' }]);
      const { code, stdout, stderr } = await cli('backup-delete', backup.id, '--yes', '--wait', '--json');
      expect(code).toBe(7);
      expect(JSON.parse(stdout)).toMatchObject({ state: 'ERROR' });
      expect(stderr).toMatch(/^backupctl: [^\n]+\n$/);
      expect(await json('backup-show', backup.id)).toMatchObject({ status: 'COMPLETED' });
      await cli('restore-cancel', restore.id, '--wait');
    } finally {
      fault.remove();
    }
  });
});

describe('schedules by the command line', () => {
  test('take every policy from schedule-update, and keep what is not named', async () => {
    const made = await json('schedule-create', 'orders', '0 3 * * *', 'old', '--description', 'words');
    const changes = ['--pattern', '30 4 * * 1-5', '--name', 'new', '--timezone', 'Asia/Tokyo'];
    const policies = ['--overlap', 'wait', '--on-busy', 'skip', '--catchup-window', '2h', '--jitter', '5s'];
    await json('schedule-update', made.id, ...changes, ...policies);
    expect(await json('schedule-show', made.id)).toMatchObject({
      ...{ pattern: '30 4 * * 1-5', name: 'new', timezone: 'Asia/Tokyo', description: 'words' },
      ...{ overlap: 'wait', on_busy: 'skip', catchup_window: 7200, jitter: 5, paused: false },
      input: { instance: shop.instanceId, description: 'words', parent_id: null, name: 'new' },
    });
    await json('schedule-pause', made.id, '--note', 'a new disk');
    expect(await json('schedule-show', made.id)).toMatchObject({ paused: true, note: 'a new disk' });
    const [run] = [await json('schedule-trigger', made.id, '--wait')];
    expect(run).toMatchObject({ state: 'SUCCESS', schedule_id: made.id });
    expect(await json('schedule-unpause', made.id)).toMatchObject({ paused: false });

    expect((await cli('execution-delete', run?.id ?? '')).code).toBe(0);
    expect(await json<Row[]>('execution-list', made.id)).toEqual([]);
    expect((await cli('schedule-delete', made.id)).stdout).toBe('');
    expect(await json<Row[]>('schedule-list')).toEqual([]);
  });

  test('keep an instance from being deleted; without them it goes, and its backups stay', async () => {
    const where = ['--url', shop.postgres.url('shop'), '--password-file', shop.workspace.path('password')];
    await json('instance-create', 'brief', ...where);
    const kept = await json('backup-create', 'brief', 'kept', '--wait');
    const schedule = await json('schedule-create', 'brief', '0 3 * * *', 'nightly');
    const { code, stderr } = await cli('instance-delete', 'brief');
    expect([code, stderr]).toEqual([4, expect.stringContaining(schedule.id)]);
    await cli('schedule-delete', schedule.id);
    expect((await cli('instance-delete', 'brief')).code).toBe(0);
    expect((await json<Row[]>('instance-list')).map(({ name }) => name)).toEqual(['orders']);
    expect(await listed()).toContain(kept.id);
    expect((await cli('backup-verify', kept.id, '--data')).code).toBe(0);
  });
});

describe('instances by the command line', () => {
  test('keep what instance-update does not name, and show version and size with --check', async () => {
    await json('instance-update', 'orders', '--url', shop.postgres.url('shop'));
    const shown = await json('instance-show', 'orders', '--check');
    expect(shown).toMatchObject({
      ...{ id: shop.instanceId, url: shop.postgres.url('shop') },
      password: { file: shop.workspace.path('password') },
      probe: { version: expect.stringMatching(/^18\./), size: expect.any(Number), databases: ['shop'] },
    });
  });

  test('are warned of, once, when others can read the password file, with a check and without', async () => {
    const file = await shop.workspace.file('open-password', `${shop.password}\n`);
    await chmod(file, 0o644);
    const url = shop.postgres.url('shop');
    for (const [name, ...check] of [['open'], ['unchecked', '--no-check']]) {
      const { code, stderr } = await cli(
        'instance-create',
        name ?? '',
        '--url',
        url,
        '--password-file',
        file,
        ...check,
      );
      expect(code).toBe(0);
      expect(stderr).toMatch(/^backupctl: warning: others can read [^\n]*open-password[^\n]*\n$/);
    }
  });
});

test('execution-logs leaves out what --offset says, and --follow ends with the run', async () => {
  const fault = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 20_000 });
  await json(
    'instance-update',
    'orders',
    '--no-check',
    '--url',
    `postgres://postgres@127.0.0.1:${shop.proxy.port}/shop`,
  );
  const started = await json<Row & { execution_id: string }>('backup-create', 'orders', 'followed');
  const following = cli('execution-logs', started.execution_id, '--follow');
  fault.remove();
  const { code, stdout } = await following;
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.at(-1)).toContain('ended SUCCESS');
  const rest = await cli('execution-logs', started.execution_id, '--offset', '2');
  expect(rest.stdout.trimEnd().split('\n')).toEqual(lines.slice(2));
});

test('the cluster is found by a profile of Temporal, as every Temporal tool finds it', async () => {
  const address = `127.0.0.1:${shop.platform.temporalPort}`;
  const made = await json('schedule-create', 'orders', '0 3 * * *', 'by-profile');
  const env = {
    BACKUPCTL_DATA_DIR: '',
    BACKUPCTL_CONFIG: await shop.workspace.file(
      'cluster.yaml',
      JSON.stringify({ repository: { type: 'filesystem', path: shop.repository } }),
    ),
    TEMPORAL_CONFIG_FILE: await shop.workspace.file(
      'temporal.toml',
      `[profile.mine]\naddress = "${address}"\nnamespace = "default"\n`,
    ),
  };
  const list = (profile: string) =>
    runCli(['schedule-list', '--json'], { env: { ...env, TEMPORAL_PROFILE: profile } });
  const found = await list('mine');
  expect(found.stderr).toBe('');
  expect((JSON.parse(found.stdout) as Row[]).map(({ id }) => id)).toContain(made.id);
  const unknown = await list('nobodys');
  expect([unknown.code, unknown.stderr]).toEqual([11, expect.stringContaining('nobodys')]);
});

test('what only reads the repository works while Temporal is down, and says what it could not ask', async () => {
  await shop.platform.kill9('everything');
  const list = await cli('backup-list', '--json');
  expect(list.code).toBe(0);
  expect((JSON.parse(list.stdout) as Row[]).map(({ id }) => id)).toContain(backup.id);
  expect(list.stderr).toMatch(/^backupctl: backups that are being made are not shown[^\n]*\n$/);
  const directory = shop.workspace.path('while-down');
  for (const words of [
    ['backup-list-instance', 'orders'],
    ['backup-show', backup.id],
    ['backup-verify', backup.id, '--data'],
    ['backup-contents', backup.id],
    ['backup-export', backup.id, '--to-directory', directory],
  ]) {
    expect([words[0], (await cli(...words)).code]).toEqual([words[0], 0]);
  }
  for (const words of [['status'], ['backup-create', 'orders', 'x'], ['backup-delete', backup.id, '--yes']]) {
    const { code, stderr } = await cli(...words);
    expect([words[0], code, stderr.trim().split('\n').length]).toEqual([words[0], 6, 1]);
  }
});
