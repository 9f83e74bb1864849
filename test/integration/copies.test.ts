import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpProxy, type ProxiedRequest, startHttpProxy } from '../servers/http-proxy.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { until } from '../servers/wait.ts';
import { type BackupJson, filesBelow, openShop, type Shop, waitForState } from './fixture.ts';

interface CopyJson {
  name: string;
  location: string;
  state: string;
  progress: { bytes: number; of: number } | null;
  problem: string | null;
}
type Shown = BackupJson & {
  execution_id: string;
  copies: CopyJson[];
  manifest: { objects: { key: string }[] };
};

let s3: S3Server;
let proxy: HttpProxy;
let bucket: S3Client;
let dataDir: string;
let shop: Shop;
let primary: string;
let near: string;

beforeAll(async () => {
  s3 = await startS3();
  proxy = await startHttpProxy(s3.endpoint);
  bucket = s3.client();
  dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-copies-'));
  [primary, near] = [join(dataDir, 'repository'), join(dataDir, 'near')];
  await writeFile(join(dataDir, 'access-key-id'), s3.accessKeyId, { mode: 0o600 });
  await writeFile(join(dataDir, 'secret-access-key'), s3.secretAccessKey, { mode: 0o600 });
  shop = await openShop({ dataDir, rows: 500 });
}, 120_000);
afterAll(async () => {
  await shop?.stop();
  bucket?.destroy();
  await proxy?.close();
  await s3?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Two copies, and a quorum that the near one is enough for. */
async function configure(): Promise<void> {
  await shop.platform.shutDown();
  const yaml = `copies:
  - { name: near, type: filesystem, path: near }
  - name: offsite
    type: s3
    bucket: ${s3.bucket}
    prefix: copy
    region: ${s3.region}
    endpoint: ${proxy.endpoint}
    force_path_style: true
    access_key_id: { file: access-key-id }
    secret_access_key: { file: secret-access-key }
quorum: 2
reserve: 0B
`;
  await writeFile(join(dataDir, 'backupctl.yaml'), yaml, { mode: 0o600 });
  await shop.platform.restart();
}

const create = (name: string, ...more: string[]) =>
  shop.platform.json<Shown>(['backup-create', 'orders', name, ...more]);
const show = (id: string) => shop.platform.json<Shown>(['backup-show', id]);
// By no command of its own: this is asked again and again.
const copiesOf = async (id: string) => (await shop.platform.client.backupShow(id)).copies;
const states = async (id: string) =>
  Object.fromEntries((await copiesOf(id)).map(({ name, state }) => [name, state]));

async function everywhere(id: string): Promise<void> {
  await until(async () => Object.values(await states(id)).every((state) => state === 'COMPLETED'), {
    what: `backup ${id} to be in every repository`,
    timeout: 60_000,
    interval: 200,
  });
}

/** More than two parts' worth of bytes that no compression makes smaller. */
const makeNoise = () =>
  shop.postgres.psql(
    `CREATE TABLE IF NOT EXISTS noise AS SELECT i AS id, (SELECT string_agg(decode(md5(i || '-' || j), 'hex'), '') FROM generate_series(1, 64) j) AS bytes
       FROM generate_series(1, 36000) i`,
    'shop',
  );

/** Has the copies looked after now, and waits for the end of that. */
async function sweep(): Promise<void> {
  const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
  try {
    const { workflow } = new Client({ connection });
    const handle = await workflow.start('copy_sweep', {
      workflowId: `copy_sweep/test/${Math.random()}`,
      taskQueue: 'backupctl',
      args: [],
    });
    await handle.result();
  } finally {
    await connection.close();
  }
}

const isPart = ({ method, url }: ProxiedRequest) => method === 'PUT' && url.includes('partNumber=');
const partsOf = (id: string, from: number) =>
  proxy.requests
    .slice(from)
    .filter((request) => isPart(request) && request.url.includes(id))
    .map(({ url }) => Number(/partNumber=(\d+)/.exec(url)?.[1]));

async function uploads(): Promise<string[]> {
  const found: ListMultipartUploadsCommandOutput = await bucket.send(
    new ListMultipartUploadsCommand({ Bucket: s3.bucket }),
  );
  return (found.Uploads ?? []).map(({ Key }) => Key ?? '');
}

async function objectsOf(id: string): Promise<string[]> {
  const { Contents = [] } = await bucket.send(
    new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: 'copy/backups/' }),
  );
  return Contents.map(({ Key }) => (Key ?? '').slice('copy/'.length)).filter((key) => key.includes(id));
}

/** Files of the first repository that copies have to have in the same bytes. */
async function expectSameTree(): Promise<void> {
  const isCopied = (file: string) =>
    /^(backupctl\.json|(backups|instances|schedules|workbooks)\/)/.test(file) ||
    /^marks\/.*-(tombstone|undelete|hold|release|settled)\.json$/.test(file);
  const files = (await filesBelow(primary)).filter(isCopied);
  expect((await filesBelow(near)).filter(isCopied)).toEqual(files);
  for (const file of files) {
    expect((await readFile(join(near, file))).equals(await readFile(join(primary, file))), file).toBe(true);
  }
}

describe('a platform with copies', () => {
  let before: string;

  test('copies what was there before the copies were, by itself', async () => {
    before = (await create('before', '--wait')).id;
    expect((await show(before)).copies).toEqual([]);
    await configure();
    await everywhere(before);
    expect((await states(before)).primary).toBe('COMPLETED');
    await sweep();
    await expectSameTree();
  }, 120_000);

  test('dumps once and copies twice; every copy holds the same bytes, and verifies', async () => {
    const backup = await create('twice', '--wait');
    await everywhere(backup.id);
    const { steps } = await shop.platform.json<{
      steps: { name: string; state: string; attempts: number }[];
    }>(['execution-show', backup.execution_id]);
    expect(steps.filter(({ name }) => name === 'dump_upload')).toMatchObject([{ attempts: 1 }]);
    expect(steps.filter(({ name }) => name === 'copy_backup')).toHaveLength(2);
    await sweep();
    await expectSameTree();
    const files = (await filesBelow(primary)).filter(
      (file) => file.includes(backup.id) && file.startsWith('backups/'),
    );
    expect(await objectsOf(backup.id)).toEqual(files);
    const verified = await shop.platform.cli(['backup-verify', backup.id, '--copy', 'all', '--data']);
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    const shown = await shop.platform.cli(['backup-show', backup.id]);
    expect(shown.stdout).toMatch(/copy offsite +\| COMPLETED \(s3:\/\//);
  }, 120_000);

  test('goes on part by part after a kill -9 in the middle of a copy', async () => {
    await makeNoise();
    const from = proxy.requests.length;
    // The second part never arrives.
    proxy.fault(
      (request) => isPart(request) && request.url.includes('partNumber=2&'),
      { kind: 'hang' },
      1000,
    );
    const backup = await create('killed', '--wait');
    await until(() => partsOf(backup.id, from).includes(2), { what: 'the second part', timeout: 30_000 });
    await until(async () => ((await copiesOf(backup.id)).at(-1)?.progress?.bytes ?? 0) > 0, {
      what: 'the first part to be confirmed',
      interval: 200,
    });
    expect((await states(backup.id)).offsite).toBe('COPYING');
    await shop.platform.kill9('everything');
    proxy.heal();
    const restarted = proxy.requests.length;
    await shop.platform.restart();
    await everywhere(backup.id);
    expect(partsOf(backup.id, from).filter((part) => part === 1)).toHaveLength(1);
    expect(partsOf(backup.id, restarted)).not.toContain(1);
    expect(partsOf(backup.id, restarted)).toContain(2);
    expect(await uploads()).toEqual([]);
    expect((await shop.platform.cli(['backup-verify', backup.id, '--copy', 'offsite', '--data'])).code).toBe(
      0,
    );
  }, 180_000);

  test('takes back what a cancelled copy wrote, and copies it again when asked', async () => {
    await makeNoise();
    proxy.fault(
      (request) => isPart(request) && request.url.includes('partNumber=2&'),
      { kind: 'hang' },
      1000,
    );
    const from = proxy.requests.length;
    const backup = await create('cancelled', '--wait');
    await until(() => partsOf(backup.id, from).includes(2), { what: 'the second part', timeout: 30_000 });
    const running = await shop.platform.json<{ id: string; state: string; kind: string }>([
      'backup-copy',
      backup.id,
      '--to',
      'offsite',
    ]);
    expect(running).toMatchObject({ state: 'RUNNING', kind: 'copy' });
    await shop.platform.cli(['execution-cancel', running.id]);
    expect((await waitForState(shop, running.id, 'CANCELLED', 'SUCCESS', 'ERROR')).state).toBe('CANCELLED');
    proxy.heal();
    expect(await uploads()).toEqual([]);
    expect(await objectsOf(backup.id)).toEqual([]);
    expect((await states(backup.id)).offsite).toBe('MISSING');
    const again = await shop.platform.cli(['backup-copy', backup.id, '--to', 'offsite', '--wait']);
    expect(again.code, again.stderr).toBe(0);
    expect((await states(backup.id)).offsite).toBe('COMPLETED');
    const unknown = await shop.platform.cli(['backup-copy', backup.id, '--to', 'elsewhere']);
    expect(unknown.stderr).toContain('there is no repository called elsewhere');
  }, 180_000);

  test('completes no backup that is not in a quorum of repositories, and completes it once it is', async () => {
    await shop.postgres.psql('DROP TABLE IF EXISTS noise', 'shop');
    await rename(near, `${near}-away`);
    const away = () => true;
    proxy.fault(away, { kind: 'reset' }, 1_000_000);
    const backup = await create('waiting');
    const step = await until(
      async () => {
        const { steps } = await shop.platform.client.executionShow(backup.execution_id);
        return steps.find(({ name, output }) => name === 'await_quorum' && output?.includes('in 1 of 2'));
      },
      { what: 'the run to wait for its copies', timeout: 60_000, interval: 200 },
    );
    expect(step.output).toContain('near: ');
    // At once: each of them tries for a while to reach what is away.
    const [shown, listed, looked] = await Promise.all([
      show(backup.id),
      shop.platform.json<BackupJson[]>(['backup-list']),
      shop.platform.cli(['status', '--json']),
    ]);
    expect(shown.status).toBe('COPYING');
    expect(shown.copies.map(({ state }) => state)).toEqual(['COMPLETED', 'UNREACHABLE', 'UNREACHABLE']);
    expect(listed.find(({ id }) => id === backup.id)?.status).toBe('COPYING');
    // What was COMPLETED stays so while its copies are out of reach, and is what counts.
    expect(listed.find(({ id }) => id === before)?.status).toBe('COMPLETED');
    const [status] = JSON.parse(looked.stdout) as { last_backup_id: string }[];
    expect(status?.last_backup_id).not.toBe(backup.id);
    // A disk that is not mounted is not begun anew.
    expect((await filesBelow(dataDir)).filter((file) => file.startsWith('near/'))).toEqual([]);

    await rename(`${near}-away`, near);
    const ended = await waitForState(shop, backup.execution_id, 'SUCCESS', 'ERROR', 'CANCELLED');
    expect(ended).toMatchObject({ state: 'SUCCESS' });
    expect((await show(backup.id)).status).toBe('COMPLETED');
    proxy.heal();
    await everywhere(backup.id);
  }, 300_000);
});
