import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ObjectExistsError } from '../../repository/store.ts';
import { S3Store } from '../../repository/stores/s3.ts';
import type { ProxiedRequest } from '../servers/http-proxy.ts';
import { isComplete, isGet, isList, isPart, isPut } from '../servers/s3-requests.ts';
import { until } from '../servers/wait.ts';
import { proxiedS3 } from './proxied-s3.ts';
import { bytesOf, collect, keysOf, s3Config, sendPart } from './stores.ts';

const PART = 5 * 2 ** 20;

const busy = {
  kind: 'answer' as const,
  status: 503,
  body: '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>',
};

describe('the s3 store behind a bad network', () => {
  const s3 = proxiedS3();

  test('writes through resets, cut requests and bursts of 503', async () => {
    for (const [index, fault] of [
      { kind: 'reset' as const },
      { kind: 'cut-request' as const },
      busy,
    ].entries()) {
      s3.proxy.fault(isPut, fault, 3);
      await s3.store.create(`through/${index}`, bytesOf(100_000));
      expect(await s3.direct.read(`through/${index}`)).toEqual(bytesOf(100_000));
    }
    expect(s3.proxy.requests).toHaveLength(12);
  });

  test('recognises a changed bit on the way, and sends again', async () => {
    s3.proxy.fault(isPut, { kind: 'flip-bit' }, 2);
    await s3.store.create('flipped/whole', bytesOf(100_000));
    expect(await s3.direct.read('flipped/whole')).toEqual(bytesOf(100_000));
    s3.proxy.fault(isPart, { kind: 'flip-bit' }, 2);
    const writer = await s3.store.createMultipart('flipped/parts');
    await sendPart(writer, 1, PART, bytesOf(100_000));
    await writer.complete();
    expect(await s3.direct.read('flipped/parts')).toEqual(bytesOf(100_000));
  });

  test('gives up on a network that changes every body, and leaves nothing', async () => {
    s3.proxy.fault(isPut, { kind: 'flip-bit' }, 100);
    await expect(s3.store.create('flipped/always', bytesOf(1000))).rejects.toMatchObject({ code: 'corrupt' });
    expect(await s3.direct.stat('flipped/always')).toBeNull();
  });

  test('meets its own object when the answer to a PUT was lost, and the bytes are the same', async () => {
    s3.proxy.fault(isPut, { kind: 'lose-answer' });
    await expect(s3.store.create('lost/put', bytesOf(1000))).rejects.toThrow(ObjectExistsError);
    expect(await s3.store.read('lost/put')).toEqual(bytesOf(1000));
  });

  test('recognises its own upload when the answer to its completion was lost', async () => {
    s3.proxy.fault(isComplete, { kind: 'lose-answer' });
    const writer = await s3.store.createMultipart('lost/complete');
    await sendPart(writer, 1, PART, bytesOf(PART));
    await sendPart(writer, 2, PART, bytesOf(77));
    expect(await writer.complete()).toMatchObject({ key: 'lost/complete', size: PART + 77 });
    await writer.abort();
    expect(await s3.direct.stat('lost/complete')).toMatchObject({ size: PART + 77 });
  });

  test('does not take another upload for its own when an answer was lost', async () => {
    const first = await s3.store.createMultipart('lost/race');
    const second = await s3.store.createMultipart('lost/race');
    await sendPart(first, 1, PART, bytesOf(100, 1));
    await sendPart(second, 1, PART, bytesOf(100, 2));
    await first.complete();
    s3.proxy.fault(isComplete, { kind: 'reset' });
    await expect(second.complete()).rejects.toThrow(ObjectExistsError);
    await second.abort();
    expect(await s3.direct.read('lost/race')).toEqual(bytesOf(100, 1));
  });

  test('fails an upload that somebody else has ended, and says so', async () => {
    const writer = await s3.store.createMultipart('ended/elsewhere');
    await sendPart(writer, 1, PART, bytesOf(100));
    for (const write of await collect(s3.direct.listUnfinished('ended/')))
      await s3.direct.abortUnfinished(write);
    await expect(writer.complete()).rejects.toMatchObject({
      message: expect.stringContaining('somebody else'),
    });
    await writer.abort();
    expect(await s3.direct.stat('ended/elsewhere')).toBeNull();
  });

  test('sends parts through resets, cut requests, lost answers and 503', async () => {
    const body = bytesOf(3 * PART + 5);
    const writer = await s3.store.createMultipart('parts/through');
    s3.proxy.fault(isPart, { kind: 'reset' });
    s3.proxy.fault(isPart, { kind: 'cut-request' });
    s3.proxy.fault(isPart, { kind: 'lose-answer' });
    s3.proxy.fault(isPart, busy);
    await Promise.all(
      [0, 1, 2, 3].map((index) =>
        sendPart(writer, index + 1, PART, body.subarray(index * PART, (index + 1) * PART)),
      ),
    );
    await writer.complete();
    expect((await s3.direct.read('parts/through')).equals(body)).toBe(true);
  });

  test('goes on reading where the connection broke, to the same bytes', async () => {
    const body = bytesOf(6_000_000);
    await s3.direct.create('read/big', body);
    for (const after of [0, 1, 1_000_000, 2_500_000]) s3.proxy.fault(isGet, { kind: 'cut-answer', after });
    s3.proxy.fault(isGet, busy);
    s3.proxy.fault(isGet, { kind: 'reset' });
    const hash = createHash('sha256');
    for await (const chunk of await s3.store.openRead('read/big')) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
    const gets = s3.proxy.requests.filter(isGet);
    expect(gets).toHaveLength(7);
    expect(gets.at(-1)?.headers).toMatchObject({
      range: 'bytes=3500001-5999999',
      'if-match': expect.anything(),
    });
    s3.proxy.fault(isGet, { kind: 'cut-answer', after: 10 }, 2);
    const part = Buffer.concat(
      (await collect(await s3.store.openRead('read/big', { start: 7, end: 90 }))) as Buffer[],
    );
    expect(part).toEqual(body.subarray(7, 90));
  });

  test('ends a read with an error when the object was replaced by other bytes or removed meanwhile', async () => {
    for (const replaced of [true, false]) {
      await s3.direct.create('read/replaced', bytesOf(1_000_000));
      s3.proxy.fault(isGet, { kind: 'cut-answer', after: 500_000 });
      const stream = await s3.store.openRead('read/replaced');
      await s3.direct.delete('read/replaced');
      if (replaced) await s3.direct.create('read/replaced', bytesOf(1_000_000, 2));
      await expect(collect(stream)).rejects.toMatchObject({ code: 'not-found' });
      await s3.direct.delete('read/replaced');
    }
  });

  test('never ends a read early in silence when connections keep breaking', async () => {
    await s3.direct.create('read/hopeless', bytesOf(1_000_000));
    s3.proxy.fault(isGet, { kind: 'cut-answer', after: 0 }, 1000);
    await expect(s3.store.read('read/hopeless')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('gives a request up that hangs, and sends it again', async () => {
    const impatient = new S3Store(s3Config(s3.server, s3.proxy.endpoint), {
      timeouts: { connect: 500, idle: 300, completeIdle: 300 },
    });
    s3.proxy.fault(isPut, { kind: 'hang' });
    s3.proxy.fault(isGet, { kind: 'hang' });
    await impatient.create('hanging/object', bytesOf(1000));
    expect(await impatient.read('hanging/object')).toEqual(bytesOf(1000));
    await impatient.close();
  });

  test('goes on reading after a pause in which the connection was lost', async () => {
    const impatient = new S3Store(s3Config(s3.server, s3.proxy.endpoint), {
      timeouts: { connect: 500, idle: 300, completeIdle: 300 },
    });
    const body = bytesOf(8_000_000);
    await s3.direct.create('read/paused', body);
    for (const isBegun of [false, true]) {
      const stream = await impatient.openRead('read/paused');
      const chunks: Buffer[] = [];
      if (isBegun) {
        await once(stream, 'readable');
        chunks.push(stream.read() as Buffer);
      }
      await until(async () => (await s3.proxy.connections()) === 0, {
        what: 'the idle connection to be given up',
      });
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(body)).toBe(true);
    }
    await impatient.close();
  });

  test('takes an error inside of an answer with status 200 for an error', async () => {
    const writer = await s3.store.createMultipart('late/error');
    await sendPart(writer, 1, PART, bytesOf(10));
    const body = '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>m</Message></Error>';
    s3.proxy.fault(isComplete, { kind: 'answer', status: 200, body });
    s3.proxy.fault(isComplete, { kind: 'answer', status: 200, body: '' });
    expect(await writer.complete()).toMatchObject({ size: 10 });
    expect(s3.proxy.requests.filter(isComplete)).toHaveLength(3);
  });

  test('never takes a page of a list that fails for the end of it', { timeout: 60_000 }, async () => {
    const keys = Array.from({ length: 1_010 }, (_, index) => `page/${String(index).padStart(4, '0')}`);
    for (let from = 0; from < keys.length; from += 32) {
      await Promise.all(keys.slice(from, from + 32).map((key) => s3.direct.create(key, bytesOf(1))));
    }
    const isSecondPage = (request: ProxiedRequest) => request.url.includes('continuation-token');
    s3.proxy.fault(isSecondPage, busy, 2);
    s3.proxy.fault(isSecondPage, { kind: 'cut-answer', after: 200 }, 1);
    expect(await keysOf(s3.store, 'page/')).toEqual(keys);
    const denied = { kind: 'answer' as const, status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
    s3.proxy.fault(isSecondPage, denied);
    await expect(keysOf(s3.store, 'page/')).rejects.toMatchObject({ code: 'credentials' });
    s3.proxy.fault(
      isList,
      { kind: 'answer', status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' },
      3,
    );
    await expect(keysOf(s3.store, 'page/')).rejects.toMatchObject({ code: 'not-found' });
    await expect(collect(s3.store.listFolders(''))).rejects.toMatchObject({ code: 'not-found' });
    await expect(collect(s3.store.listUnfinished(''))).rejects.toMatchObject({ code: 'not-found' });
  });

  test('pages through unfinished uploads', async () => {
    const keys = Array.from({ length: 25 }, (_, index) => `uploads/${index % 5}`).sort();
    for (const key of keys) await s3.direct.createMultipart(key);
    const found = await collect(s3.store.listUnfinished('uploads/'));
    expect(found.map(({ key }) => key)).toEqual(keys);
    expect(new Set(found.map(({ id }) => id)).size).toBe(25);
    for (const write of found) await s3.store.abortUnfinished(write);
    expect(await collect(s3.direct.listUnfinished(''))).toEqual([]);
  });
});
