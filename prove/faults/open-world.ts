import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackupClient } from '../../client/client.ts';
import { syncDirectory } from '../../repository/sync-directory.ts';
import { type HostNames, makeHostNames } from '../../test/servers/host-names.ts';
import { type HttpProxy, startHttpProxy } from '../../test/servers/http-proxy.ts';
import { startPlatform } from '../../test/servers/platform.ts';
import { startPostgres } from '../../test/servers/postgres.ts';
import { startProxy, type Proxy as TcpProxy } from '../../test/servers/proxy.ts';
import { type S3Server, startS3 } from '../../test/servers/s3.ts';
import { until } from '../../test/servers/wait.ts';
import { cliEnvironment, createWorkspace, type Workspace } from '../../test/servers/workspace.ts';
import { UndoStack } from '../../worker/undo-stack.ts';
import { createDatabases } from './databases.ts';
import { mounts } from './mounts.ts';
import { openSmallDisk } from './small-disk.ts';
import { makeToolbox } from './toolbox.ts';
import type { World, WorldName } from './world.ts';

/** Bytes a second from the source: a dump of a few megabytes is then long enough to be met in the middle. */
const pace = 1_200_000;

/** Opens servers and a platform with the instances `orders`, `billing`, `stock` and (a whole server) `cluster`. */
export async function openWorld(name: WorldName): Promise<World> {
  const undo = new UndoStack();
  try {
    return await build(name, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function build(name: WorldName, undo: UndoStack): Promise<World> {
  const workspace = createWorkspace('world');
  undo.push(() => workspace.remove());
  const mount = (await mounts[name]?.()) ?? null;
  if (mount !== null) undo.push(() => mount.unmount());
  const dataDir = mount?.dataPath == null ? workspace.path('data') : join(mount.dataPath, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const password = `p${Math.random().toString(36).slice(2)}-secret`;
  const disk = openSmallDisk(undo);
  const postgres = await startPostgres({
    version: 18,
    superuserPassword: password,
    settings: { max_wal_size: '64MB', min_wal_size: '32MB' },
    ...(disk === null ? {} : { folder: disk.path }),
  });
  undo.push(() => postgres.stop());
  const source = await startProxy({ host: '127.0.0.1', port: postgres.port });
  undo.push(() => source.stop());
  const bucket = name === 'bucket' ? await openBucket(undo) : null;
  const directory = mount === null ? join(dataDir, 'repository') : join(mount.path, 'repository');
  const copy = name === 'copied' ? workspace.path('second') : null;
  await writeConfiguration(workspace, dataDir, bucket, directory, copy);

  const toolbox = makeToolbox(workspace);
  const names = bucket?.names ?? null;
  // Private directories of the worker are below TMPDIR: in a folder of this world's own they can be counted.
  const temporary = workspace.path('tmp');
  mkdirSync(temporary);
  const env: Record<string, string> = {
    PATH: `${toolbox.folder}:${cliEnvironment().PATH}`,
    TMPDIR: temporary,
  };
  const up = { dataDir, env, names };
  const platform = await startPlatform(up).catch(() => startPlatform(up));
  undo.push(async () => {
    await platform.shutDown();
  });
  await createDatabases(postgres);
  const secrets = [
    password,
    ...(await identitiesOf(dataDir)),
    ...(bucket === null ? [] : [bucket.server.secretAccessKey]),
  ];
  const former: BackupClient[] = [];
  let client = BackupClient.open({ dataDir, env: {} });
  undo.push(async () => {
    for (const each of [...former, client]) await each.close().catch(() => {});
  });
  const passwordFile = await workspace.file('password', `${password}\n`);
  for (const [instance, database] of [
    ['orders', 'shop'],
    ['billing', 'bills'],
    ['stock', 'stock'],
    ['cluster', ''],
  ] as const) {
    const url = `postgres://postgres@127.0.0.1:${source.port}/${database}`;
    // By the command line: that is what allows the worker to open the file.
    const words = ['instance-create', instance, '--url', url, '--password-file', passwordFile];
    // A machine that is busy may not answer a first connection in time.
    await platform.json(words).catch(() => platform.json(words));
  }
  const { id: scheduleId } = await client.scheduleCreate('orders', '0 0 1 1 *', 'yearly', {
    overlap: 'wait',
  });
  source.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: pace });

  return {
    name,
    platform,
    env,
    client: () => client,
    async restartPlatform() {
      // Somebody may still be using it: what it answers then is an error for users as well.
      former.push(client);
      // As systemd would: whatever keeps it from starting (a database that is locked) may be over a second later.
      for (let attempt = 1; ; attempt += 1) {
        try {
          await platform.restart();
          break;
        } catch (error) {
          if (attempt === 20) throw error;
          await sleep(1000);
        }
      }
      client = BackupClient.open({ dataDir, env: {} });
      await until(async () => (await fetch(`http://127.0.0.1:${platform.port}/readyz`)).ok, {
        what: 'the platform to be ready',
        timeout: 90_000,
      });
    },
    postgres,
    source,
    fillSource: disk === null ? null : (left) => disk.fill(left),
    bucket,
    toolbox,
    repository: bucket === null ? directory : join(bucket.server.directory, bucket.server.bucket),
    copy,
    mount,
    workspace,
    passwordFile,
    scheduleId,
    secrets,
    expectedDamage: new Map(),
    historyLost: false,
    sourceStates: new Map(),
    stop: () => undo.run(),
  };
}

interface Bucket {
  server: S3Server;
  tcp: TcpProxy;
  http: HttpProxy;
  names: HostNames | null;
}

async function openBucket(undo: UndoStack): Promise<Bucket> {
  const server = await startS3();
  undo.push(() => server.stop());
  const http = await startHttpProxy(server.endpoint);
  undo.push(() => http.close());
  const tcp = await startProxy({ host: '127.0.0.1', port: Number(new URL(http.endpoint).port) });
  undo.push(() => tcp.stop());
  const names = makeHostNames();
  undo.push(async () => await names?.remove());
  return { server, tcp, http, names };
}

/** The lines of the identity file that open data. */
async function identitiesOf(dataDir: string): Promise<string[]> {
  const files = ['identity.txt', 'index-identity.txt'].map((file) => readFile(join(dataDir, file), 'utf8'));
  const text = (await Promise.all(files)).join('\n');
  return text.split('\n').filter((line) => line.startsWith('AGE-SECRET-KEY-'));
}

async function writeConfiguration(
  workspace: Workspace,
  dataDir: string,
  bucket: Bucket | null,
  directory: string,
  copy: string | null,
): Promise<void> {
  let repository = `  type: filesystem\n  path: ${directory}\n`;
  if (bucket !== null) {
    const { server, tcp, names } = bucket;
    const id = await workspace.file('access-key-id', server.accessKeyId);
    const secret = await workspace.file('secret-access-key', server.secretAccessKey);
    repository = `  type: s3
  bucket: ${server.bucket}
  region: ${server.region}
  endpoint: http://${names === null ? '127.0.0.1' : 'localhost'}:${tcp.port}
  force_path_style: true
  access_key_id: { file: ${id} }
  secret_access_key: { file: ${secret} }
`;
  }
  const copies = copy === null ? '' : `copies:\n  - { name: second, type: filesystem, path: ${copy} }\n`;
  await writeFile(
    join(dataDir, 'backupctl.yaml'),
    `repository:\n${repository}${copies}deletion_grace: 1s\nstall_limit: 6s\nreserve: 0B\n`,
    { flush: true },
  );
  // An operator's configuration was there long before the power was cut.
  await syncDirectory(dataDir);
  await syncDirectory(dirname(dataDir));
}
