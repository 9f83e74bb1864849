import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeCreateIfAbsent } from '../../repository/probe.ts';
import { ObjectExistsError, type Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import type { ProxiedRequest } from '../servers/http-proxy.ts';
import { freePort } from '../servers/port.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { isAny, isComplete, isList, isPart, isPut } from '../servers/s3-requests.ts';
import { proxiedS3 } from './proxied-s3.ts';
import { bytesOf, keysOf, s3Config, sendPart } from './stores.ts';

const PART = 5 * 2 ** 20;

describe('the s3 store and what servers answer', () => {
  const s3 = proxiedS3();

  test('refuses a server that lists in another order than that of the keys', async () => {
    const entry = (key: string) => `<Contents><Key>some/prefix/${key}</Key><Size>1</Size></Contents>`;
    const body = `<ListBucketResult><IsTruncated>false</IsTruncated>${entry('b')}${entry('a')}</ListBucketResult>`;
    s3.proxy.fault(isList, { kind: 'answer', status: 200, body });
    await expect(keysOf(s3.store)).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('passes over what a bucket holds that no key can name, and what leads elsewhere', async () => {
    const entry = (key: string) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`;
    const keys = [
      'other/a',
      'some/prefix/',
      'some/prefix/../x',
      'some/prefix/a//b',
      'some/prefix/ok',
      'some/prefix/z/',
    ];
    const body = `<ListBucketResult><IsTruncated>false</IsTruncated>${keys.map(entry).join('')}</ListBucketResult>`;
    s3.proxy.fault(isList, { kind: 'answer', status: 200, body });
    expect(await keysOf(s3.store)).toEqual(['ok']);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'says that the disk of the server is full, and leaves nothing',
    async () => {
      const bucket = join(s3.server.directory, s3.server.bucket);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', bucket]);
      try {
        const full = { code: 'no-space', message: expect.stringContaining('the store is full') };
        await expect(s3.store.create('full/whole', bytesOf(9_000_000))).rejects.toMatchObject(full);
        const writer = await s3.store.createMultipart('full/parts');
        await sendPart(writer, 1, PART, bytesOf(PART));
        await expect(sendPart(writer, 2, PART, bytesOf(PART))).rejects.toMatchObject(full);
        await writer.abort();
        expect(await keysOf(s3.store)).toEqual([]);
        await s3.store.create('full/fits', bytesOf(6_000_000));
      } finally {
        execFileSync('umount', [bucket]);
      }
    },
  );

  test('asks a server that confirms no CRC-32 to check an MD5 instead', async () => {
    s3.proxy.fault(
      isPart,
      { kind: 'strip-answer', headers: ['x-amz-checksum-crc32', 'x-amz-checksum-type'] },
      2,
    );
    const writer = await s3.store.createMultipart('md5/object');
    await sendPart(writer, 1, PART, bytesOf(100));
    const parts = s3.proxy.requests.filter(isPart);
    expect(parts).toHaveLength(2);
    expect(parts[1]?.headers['content-md5']).toBe(createHash('md5').update(bytesOf(100)).digest('base64'));
    await writer.abort();
  });

  test('sends no "Expect" and signs the bodies of parts where there is no TLS', async () => {
    const writer = await s3.store.createMultipart('headers/object');
    await sendPart(writer, 1, PART, bytesOf(PART));
    await writer.complete();
    const part = s3.proxy.requests.find(isPart);
    expect(part?.headers.expect).toBeUndefined();
    expect(part?.headers['transfer-encoding']).toBeUndefined();
    expect(part?.headers['x-amz-content-sha256']).toBe(
      createHash('sha256').update(bytesOf(PART)).digest('hex'),
    );
    expect(s3.proxy.requests.find(isComplete)?.headers['if-none-match']).toBe('*');
  });

  test('lets the probe find a server that passes over If-None-Match', async () => {
    const isSecond = (request: ProxiedRequest) =>
      isPut(request) && s3.proxy.requests.filter(isPut).length > 1;
    s3.proxy.fault(isSecond, { kind: 'answer', status: 200, headers: { etag: '"x"' } });
    await expect(probeCreateIfAbsent(s3.store)).rejects.toMatchObject({ code: 'unsupported' });
    expect(await keysOf(s3.direct, 'probes/')).toEqual([]);
    s3.proxy.fault(isPut, { kind: 'lose-answer' });
    await probeCreateIfAbsent(s3.store);
    expect(await keysOf(s3.direct, 'probes/')).toEqual([]);
  });

  test('says in one line what the server objects to', async () => {
    const error = (status: number, code: string) => ({
      kind: 'answer' as const,
      status,
      body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`,
    });
    const cases = [
      [error(403, 'AccessDenied'), 'credentials', 'access denied'],
      [error(403, 'InvalidAccessKeyId'), 'credentials', 'access key id is unknown'],
      [error(403, 'SignatureDoesNotMatch'), 'credentials', 'signature does not match'],
      [error(400, 'ExpiredToken'), 'credentials', 'token has expired'],
      [error(403, 'InvalidObjectState'), 'unavailable', 'Glacier'],
      [error(404, 'NoSuchBucket'), 'not-found', 'no bucket backups'],
      [error(301, 'PermanentRedirect'), 'configuration', 'another region'],
      [error(507, 'InsufficientStorage'), 'no-space', 'full'],
      [error(507, 'XMinioStorageFull'), 'no-space', 'full'],
      [error(501, 'NotImplemented'), 'unsupported', 'cannot do that'],
    ] as const;
    for (const [fault, code, words] of cases) {
      s3.proxy.fault(isAny, fault, 100);
      const refusal = { code, message: expect.stringContaining(words) };
      await expect(s3.store.create('errors/object', bytesOf(1)), words).rejects.toMatchObject(refusal);
      await expect(s3.store.read('errors/object'), words).rejects.toMatchObject(refusal);
      s3.proxy.heal();
    }
    expect(await keysOf(s3.direct, 'errors/')).toEqual([]);
  });

  test("follows the server's clock, and names a clock that stays apart", async () => {
    const skewed = {
      kind: 'answer' as const,
      status: 403,
      headers: { date: new Date(Date.now() + 3_600_000).toUTCString() },
      body: '<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>',
    };
    s3.proxy.fault(isAny, skewed);
    // It signs an hour ahead now, which the real s3.server refuses, and comes back by that answer's date.
    await s3.store.create('clock/object', bytesOf(1));
    s3.proxy.fault(isAny, { ...skewed, headers: { date: new Date().toUTCString() } }, 1000);
    const refusal = { code: 'credentials', message: expect.stringContaining('clock') };
    await expect(s3.store.read('clock/object')).rejects.toMatchObject(refusal);
  });

  test('says that the bucket is missing, also where HEAD cannot tell', async () => {
    const other = await openStore({ ...s3Config(s3.server), bucket: 'no-such-bucket' });
    const missing = {
      code: 'not-found',
      message: expect.stringContaining('there is no bucket no-such-bucket'),
    };
    await expect(other.stat('a')).rejects.toMatchObject(missing);
    await expect(other.read('a')).rejects.toMatchObject(missing);
    await expect(other.create('a', bytesOf(1))).rejects.toMatchObject(missing);
    await expect(other.createMultipart('a')).rejects.toMatchObject(missing);
    await expect(keysOf(other)).rejects.toMatchObject(missing);
    await other.close();
  });

  test('names wrong credentials as such in every call, and never prints them', async () => {
    const { credentials } = s3Config(s3.server);
    const wrong = [
      { accessKeyId: 'unknownkey', secretAccessKey: 'plantedsecret' },
      { accessKeyId: credentials.accessKeyId, secretAccessKey: 'plantedsecret' },
    ];
    for (const pair of wrong) {
      const other = await openStore({ ...s3Config(s3.server), credentials: pair });
      const calls = [
        () => other.stat('a'),
        () => other.read('a'),
        () => other.create('a', bytesOf(1)),
        () => keysOf(other),
      ];
      for (const call of calls) {
        const error: unknown = await call().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'credentials' });
        expect(inspect(error, { depth: 9 })).not.toContain('plantedsecret');
      }
      await other.close();
    }
  });

  test('gives up soon on an endpoint that never answered', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const other = await openStore(s3Config(s3.server, endpoint));
    const refusal = {
      code: 'unavailable',
      message: expect.stringContaining('does not answer (ECONNREFUSED)'),
    };
    await expect(other.stat('a')).rejects.toMatchObject(refusal);
    await other.close();
  });

  test('waits for a server that is started again', async () => {
    await s3.store.create('restart/before', bytesOf(1));
    const restarted = s3.server.restart();
    await s3.store.create('restart/after', bytesOf(1));
    await restarted;
    expect(await keysOf(s3.store, 'restart/')).toEqual(['restart/after', 'restart/before']);
  });
});

describe('the s3 store in a bucket with versions', () => {
  let server: S3Server;
  let store: Store;

  beforeAll(async () => {
    server = await startS3({ versioning: true });
    store = await openStore(s3Config(server));
  });

  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  test('tells the version of what it wrote, and removes that version', async () => {
    const { versionId } = await store.create('a/b', bytesOf(10));
    expect(versionId).toMatch(/./);
    expect((await store.stat('a/b'))?.versionId).toBe(versionId);
    const writer = await store.createMultipart('a/c');
    await sendPart(writer, 1, PART, bytesOf(10));
    const big = await writer.complete();
    expect((await store.stat('a/c'))?.versionId).toBe(big.versionId);
    await store.delete('a/b', versionId);
    await store.delete('a/b', versionId);
    await store.delete('a/c', big.versionId);
    expect(await keysOf(store)).toEqual([]);
    expect(await versionsIn(server)).toEqual([]);
  });

  test('removes what it hides when no version is named, and takes the name again', async () => {
    await store.create('hidden/a', bytesOf(10));
    await store.create('hidden/ab', bytesOf(10));
    await store.delete('hidden/a');
    await store.delete('hidden/a');
    expect(await store.stat('hidden/a')).toBeNull();
    expect(await versionsIn(server)).toEqual(['some/prefix/hidden/ab']);
    await store.create('hidden/a', bytesOf(11));
    await expect(store.create('hidden/a', bytesOf(12))).rejects.toThrow(ObjectExistsError);
    expect(await store.read('hidden/a')).toEqual(bytesOf(11));
  });
});

async function versionsIn(server: S3Server): Promise<(string | undefined)[]> {
  const { ListObjectVersionsCommand } = await import('@aws-sdk/client-s3');
  const client = server.client();
  try {
    const answer = await client.send(new ListObjectVersionsCommand({ Bucket: server.bucket }));
    return [...(answer.Versions ?? []), ...(answer.DeleteMarkers ?? [])].map(({ Key }) => Key);
  } finally {
    client.destroy();
  }
}
