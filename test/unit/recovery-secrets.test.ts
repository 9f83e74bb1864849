import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowDirectory, allowSecret, allowStatements } from '../../config/allowed-secrets.ts';
import { loadConfig } from '../../config/load.ts';
import type { InstanceRecord, SecretReference } from '../../repository/manifest.ts';
import type { ScheduleCopy } from '../../repository/schedule-copy.ts';
import { hooksToAllow } from '../../worker/recovery/hooks.ts';
import { secretsToAllow } from '../../worker/recovery/secrets.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace('recovery-secrets');
});
afterAll(() => workspace?.remove());

const instance = (name: string, password: SecretReference | null, more: Partial<InstanceRecord> = {}) => ({
  id: randomUUID(),
  revision: 1,
  deleted: false,
  name,
  engine: 'postgres',
  url: 'postgres://u@127.0.0.1:5432/d',
  password,
  task_queue: null,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  ...more,
});

test('each secret that the worker may not open is listed with the command that allows it, until it is allowed', async () => {
  const dataDir = workspace.directory;
  const file = await workspace.file("it's here", 'x\n');
  const config = await loadConfig({ dataDir, env: {}, cwd: dataDir });
  const instances = [
    instance('in a file', { file }),
    instance('in-a-variable', { env: 'ORDERS_PASSWORD' }),
    instance('gone', { file: '/nowhere/password' }),
    instance('far', { file: '/nowhere/far' }, { task_queue: 'branch' }),
    instance('none', null),
  ];
  const found = await secretsToAllow(instances, config);
  expect(found.map(({ instance: name, command }) => [name, command])).toEqual([
    ['in a file', `backupctl instance-update 'in a file' --password-file '${file.replaceAll("'", "'\\''")}'`],
    ['in-a-variable', 'backupctl instance-update in-a-variable --password-env ORDERS_PASSWORD'],
    ['gone', 'backupctl instance-update gone --password-file /nowhere/password'],
    ['far', 'backupctl instance-update far --password-file /nowhere/far'],
  ]);
  // Whoever runs the command has seen where the password goes: the registry that says it is not signed.
  expect(found.map(({ url }) => url)).toEqual(Array(4).fill('postgres://u@127.0.0.1:5432/d'));
  expect(found.map(({ note }) => note)).toEqual([
    null,
    expect.stringContaining('environment of `up`'),
    expect.stringContaining('it is not there'),
    expect.stringContaining('the task queue branch'),
  ]);
  await allowSecret(dataDir, { file });
  await allowSecret(dataDir, { env: 'ORDERS_PASSWORD' });
  expect((await secretsToAllow(instances, config)).map(({ instance: name }) => name)).toEqual([
    'gone',
    'far',
  ]);
});

test('a forged name becomes no flag of the command, and stands for no other instance', async () => {
  const config = await loadConfig({ dataDir: workspace.directory, env: {}, cwd: workspace.directory });
  const file = '/nowhere/forged';
  const instances = ['--config=/tmp/evil', 'two\nlines', 'twice', 'twice'].map((name) =>
    instance(name, { file }),
  );
  const found = await secretsToAllow(instances, config);
  expect(found.map(({ command }) => command)).toEqual(
    instances.map(({ id }) => `backupctl instance-update ${id} --password-file ${file}`),
  );
});

test('hooks that the worker would refuse are listed: statements with the command that allows them, commands by their name', async () => {
  const dataDir = workspace.path('hooked');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'backupctl.yaml'), 'hooks: { freeze: { command: [/bin/true] } }\n');
  const config = await loadConfig({ dataDir, env: {}, cwd: dataDir });
  const shop = instance('shop', null, {
    hooks: [
      { when: 'before', run: 'freeze' },
      { when: 'before', sql: 'SELECT 1, 2', optional: true },
      { when: 'after', run: 'thaw' },
    ],
  });
  const schedule = (id: string, hooks: unknown) => ({
    id,
    deleted: false,
    input: { instance: shop.id, description: null, parent_id: null, name: 'nightly', hooks },
  });
  const copies = [
    schedule('one', [{ when: 'failure', sql: 'CHECKPOINT' }]),
    schedule('two', 'forged'),
    schedule('three', [{ when: 'failure', command: ['/bin/sh'] }]),
  ] as unknown as ScheduleCopy[];
  const found = await hooksToAllow([shop], copies, config);
  expect(found.map(({ instance: of, secret, command }) => [of, secret, command])).toEqual([
    [
      'shop',
      'hook before SQL: SELECT 1, 2',
      "backupctl instance-update shop --hook before=freeze --hook-sql 'before=SELECT 1, 2' --hook-optional before --hook after=thaw",
    ],
    ['shop', 'hook thaw', ''],
    [
      'shop, nightly',
      'hook failure SQL: CHECKPOINT',
      'backupctl schedule-update one --hook-sql failure=CHECKPOINT',
    ],
  ]);
  expect(found[1]?.note).toContain('name its command below hooks in');
  await allowStatements(dataDir, 'SELECT 1, 2');
  await allowStatements(dataDir, 'CHECKPOINT');
  expect((await hooksToAllow([shop], copies, config)).map(({ secret }) => secret)).toEqual(['hook thaw']);
});

test('a directory that the worker may not read is listed, until its user names it or the configuration does', async () => {
  const dataDir = workspace.path('for directories');
  await mkdir(join(dataDir, 'tree'), { recursive: true });
  const files = (name: string, path: string) =>
    instance(name, null, { engine: 'files', url: `file://${encodeURI(path)}?exclude=x` });
  const instances = [files('tree', join(dataDir, 'tree')), files('gone', '/nowhere/at/all')];
  const config = await loadConfig({ dataDir, env: {}, cwd: dataDir });
  expect(await secretsToAllow(instances, config)).toMatchObject([
    {
      secret: join(dataDir, 'tree'),
      note: null,
      command: expect.stringMatching(/^backupctl .* tree --url '?file:/),
    },
    {
      secret: '/nowhere/at/all',
      note: expect.stringContaining('--to-directory'),
      command: expect.any(String),
    },
  ]);
  await allowDirectory(dataDir, { directory: join(dataDir, 'tree'), use: 'backup' });
  expect(await secretsToAllow(instances, config)).toMatchObject([{ instance: 'gone' }]);
});
