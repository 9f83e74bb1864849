import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowSecret } from '../../config/allowed-secrets.ts';
import { loadConfig } from '../../config/load.ts';
import type { InstanceRecord, SecretReference } from '../../repository/manifest.ts';
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
