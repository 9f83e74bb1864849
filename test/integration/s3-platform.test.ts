import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpProxy, type ProxiedRequest, startHttpProxy } from '../servers/http-proxy.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { until } from '../servers/wait.ts';
import { type BackupJson, openShop, type Shop, waitForState } from './fixture.ts';

let s3: S3Server;
let proxy: HttpProxy;
let bucket: S3Client;
let dataDir: string;
let shop: Shop;

beforeAll(async () => {
  s3 = await startS3();
  proxy = await startHttpProxy(s3.endpoint);
  bucket = s3.client();
  dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-s3-platform-'));
  const file = async (name: string, content: string) => {
    await writeFile(join(dataDir, name), content, { mode: 0o600 });
  };
  await file('access-key-id', s3.accessKeyId);
  await file('secret-access-key', s3.secretAccessKey);
  await file(
    'backupctl.yaml',
    `repository:
  type: s3
  bucket: ${s3.bucket}
  prefix: databases
  region: ${s3.region}
  endpoint: ${proxy.endpoint}
  force_path_style: true
  access_key_id: { file: access-key-id }
  secret_access_key: { file: secret-access-key }
`,
  );
  shop = await openShop({ dataDir, rows: 5_000 });
  // More than one part's worth of bytes that no compression makes smaller.
  await shop.postgres.psql(
    `CREATE TABLE noise AS SELECT i AS id, (SELECT string_agg(decode(md5(i || '-' || j), 'hex'), '') FROM generate_series(1, 64) j) AS bytes
       FROM generate_series(1, 36000) i`,
    'shop',
  );
});
afterAll(async () => {
  await shop?.stop();
  bucket?.destroy();
  await proxy?.close();
  await s3?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Keys in the bucket that have to do with a backup, marks and logs excepted. */
async function objectsOf(backupId: string): Promise<string[]> {
  const { Contents = [], IsTruncated } = await bucket.send(
    new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: 'databases/backups/' }),
  );
  expect(IsTruncated).toBe(false);
  return Contents.map(({ Key }) => Key ?? '').filter((key) => key.includes(backupId));
}

async function unfinishedUploads(): Promise<string[]> {
  const { Uploads = [] } = await bucket.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket }));
  return Uploads.map(({ Key }) => Key ?? '');
}

const create = (name: string, ...more: string[]) =>
  shop.platform.json<BackupJson & { execution_id: string }>(['backup-create', 'orders', name, ...more]);

const isPut = (pattern: RegExp) => (request: ProxiedRequest) =>
  request.method === 'PUT' && pattern.test(request.url);

async function verified(backupId: string): Promise<void> {
  const { code, stdout, stderr } = await shop.platform.cli(['backup-verify', backupId, '--data']);
  expect(code, `${stdout}${stderr}`).toBe(0);
}

describe('a platform whose repository is a bucket', () => {
  test('backs up by schedule, verifies, restores, deletes, and leaves nothing of it behind', async () => {
    const { cli, json } = shop.platform;
    const schedule = await json<{ id: string }>(['schedule-create', 'orders', '0 0 1 1 *', 'to-s3']);
    const { id } = await json<{ id: string }>(['schedule-trigger', schedule.id]);
    const run = await waitForState(shop, id, 'SUCCESS', 'ERROR');
    await cli(['schedule-delete', schedule.id]);
    const listed = await json<BackupJson[]>(['backup-list', '--instance', 'orders']);
    const backup = listed.find(({ id }) => id === run.backup_id);
    expect(backup).toMatchObject({ name: 'to-s3', status: 'COMPLETED' });
    const backupId = backup?.id ?? '';
    await verified(backupId);
    expect((await cli(['execution-logs', run.id])).stdout).toContain('ended SUCCESS');

    const restored = await cli([
      'restore-create',
      backupId,
      '--to',
      'orders',
      '--create-database',
      'back',
      '--wait',
    ]);
    expect(restored.code, restored.stderr).toBe(0);
    const count =
      'SELECT (SELECT count(*) FROM items), (SELECT md5(string_agg(bytes, NULL ORDER BY id)) FROM noise)';
    expect(await shop.postgres.psql(count, 'back')).toBe(await shop.postgres.psql(count, 'shop'));

    expect((await cli(['backup-delete', backupId, '--yes', '--wait'])).code).toBe(0);
    expect((await json<BackupJson[]>(['backup-list'])).map(({ id }) => id)).not.toContain(backupId);
    const swept = await cli(['janitor-run', '--grace', '0', '--wait']);
    expect(swept.code, swept.stderr).toBe(0);
    expect(await objectsOf(backupId)).toEqual([]);
    expect(await unfinishedUploads()).toEqual([]);
  }, 240_000);

  test('recognises the manifest as its own when the answer to its PUT is lost', async () => {
    proxy.fault(isPut(/\/manifest\.json(\?|$)/), { kind: 'lose-answer' });
    const before = proxy.requests.filter(isPut(/\/manifest\.json(\?|$)/)).length;
    const backup = await create('lost-answer', '--wait');
    expect(proxy.requests.filter(isPut(/\/manifest\.json(\?|$)/)).length - before).toBeGreaterThan(1);
    const { state, output } = await waitForState(shop, backup.execution_id, 'SUCCESS', 'ERROR');
    expect([state, output]).toEqual(['SUCCESS', { status: 'Backup complete' }]);
    const keys = await objectsOf(backup.id);
    expect(keys.filter((key) => key.endsWith('/manifest.json'))).toHaveLength(1);
    expect(keys.filter((key) => key.endsWith('.sig'))).toHaveLength(1);
    expect(new Set(keys.map((key) => /\/data\/([^/]+)\//.exec(key)?.[1]).filter(Boolean)).size).toBe(1);
    expect((await shop.platform.cli(['execution-logs', backup.execution_id])).stdout).toContain('recognised');
    await verified(backup.id);
  }, 120_000);

  test.each([
    ['a part that is cut on its way', /partNumber=1/, { kind: 'cut-request' as const }],
    ['a part whose bit was flipped on its way', /partNumber=1/, { kind: 'flip-bit' as const }],
    ['a lost answer to a part', /partNumber=1/, { kind: 'lose-answer' as const }],
    ['an overloaded store', /partNumber=1/, { kind: 'answer' as const, status: 503 }],
  ])(
    'gets over %s',
    async (what, url, fault) => {
      proxy.fault(isPut(url), fault);
      const backup = await create(what.replaceAll(' ', '-'), '--wait');
      proxy.heal();
      await verified(backup.id);
      expect(await unfinishedUploads()).toEqual([]);
    },
    120_000,
  );

  test('leaves neither an upload nor an object of a backup that is cancelled between two parts', async () => {
    const slow = shop.proxy.inject({
      action: 'throttle',
      direction: 'to-client',
      bytesPerSecond: 10_000_000,
    });
    const parts = () => proxy.requests.filter(isPut(/partNumber=/)).length;
    const before = parts();
    const backup = await create('cancelled');
    await until(() => parts() > before, { what: 'the first part to be sent', timeout: 60_000 });
    await shop.platform.cli(['execution-cancel', backup.execution_id]);
    // Slow until it is over: the cancel arrives with a heartbeat, and the dump is not to end before that.
    const ended = await waitForState(shop, backup.execution_id, 'CANCELLED', 'SUCCESS', 'ERROR');
    slow.remove();
    expect(ended.state).toBe('CANCELLED');
    expect(await objectsOf(backup.id)).toEqual([]);
    expect(await unfinishedUploads()).toEqual([]);
  }, 120_000);

  test('carries on after a kill -9 in the middle of an upload, and removes what that left', async () => {
    const slow = shop.proxy.inject({
      action: 'throttle',
      direction: 'to-client',
      bytesPerSecond: 10_000_000,
    });
    const parts = () => proxy.requests.filter(isPut(/partNumber=/)).length;
    const before = parts();
    const backup = await create('killed');
    await until(() => parts() > before, { what: 'the first part to be sent', timeout: 60_000 });
    await shop.platform.kill9('everything');
    slow.remove();
    await shop.platform.restart();
    expect((await waitForState(shop, backup.execution_id, 'SUCCESS', 'ERROR')).state).toBe('SUCCESS');
    await verified(backup.id);
    expect(await unfinishedUploads()).toEqual([]);
    const attempts = (await objectsOf(backup.id)).map((key) => /\/data\/([^/]+)\//.exec(key)?.[1]);
    expect(new Set(attempts.filter(Boolean)).size).toBe(1);
  }, 180_000);
});
