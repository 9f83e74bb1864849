import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PartPool } from '../../repository/part-pool.ts';
import { ObjectExistsError, type Store } from '../../repository/store.ts';
import { Uploader } from '../../repository/uploader.ts';
import { isComplete, isPart, isPut } from '../servers/s3-requests.ts';
import { proxiedS3 } from './proxied-s3.ts';
import { bytesOf, collect, keysOf, places, type StorePlace } from './stores.ts';

const forever = new AbortController().signal;
const quiet = { signal: forever, onConfirmed: () => {} };

/** Every buffer of the pool can be had again. */
async function expectAllFree(pool: PartPool, count: number): Promise<void> {
  const buffers = await Promise.all(Array.from({ length: count }, () => pool.acquire(forever)));
  expect(new Set(buffers).size).toBe(count);
  for (const buffer of buffers) pool.release(buffer);
}

for (const [name, size] of [
  ['filesystem', 100_000],
  ['s3', 5 * 2 ** 20],
] as const) {
  describe(`an upload to the ${name} store`, () => {
    let place: StorePlace;
    let store: Store;

    beforeAll(async () => {
      place = await places[name]();
      store = await place.open();
    });

    afterAll(async () => {
      await store?.close();
      await place?.close();
    });

    test('keeps streams of every length around the borders of parts, in chunks of any size', async () => {
      const pool = new PartPool(3, size);
      for (const length of [0, 1, size - 1, size, size + 1, 2 * size, 3 * size + 17]) {
        const body = bytesOf(length, length);
        let confirmed = 0;
        const onConfirmed = (bytes: number) => {
          confirmed += bytes;
        };
        const uploader = await Uploader.begin(store, `length/${length}`, pool, {
          signal: forever,
          onConfirmed,
        });
        for (
          let from = 0, chunk = 1;
          from < length;
          from += chunk, chunk = 1 + ((chunk * 7919) % (size + 3))
        ) {
          await uploader.write(body.subarray(from, from + chunk));
        }
        expect(uploader.written).toBe(length);
        expect(await uploader.finish()).toMatchObject({ key: `length/${length}`, size: length });
        expect(confirmed).toBe(length);
        expect((await store.read(`length/${length}`)).equals(body)).toBe(true);
      }
      expect(await collect(store.listUnfinished(''))).toEqual([]);
      await expectAllFree(pool, 3);
    });

    test('is filled in place as well', async () => {
      const pool = new PartPool(2, size);
      const body = bytesOf(size + 1000);
      const uploader = await Uploader.begin(store, 'in/place', pool, quiet);
      for (let from = 0; from < body.length; ) {
        const room = await uploader.reserve(Math.min(60_000, body.length - from));
        expect(room.length).toBeGreaterThan(0);
        body.copy(room, 0, from, from + room.length);
        from += room.length;
      }
      await uploader.finish();
      expect((await store.read('in/place')).equals(body)).toBe(true);
    });

    test('holds the last part back until it is told of a good end, and aborted leaves nothing', async () => {
      const pool = new PartPool(4, size);
      for (const length of [10, size, 2 * size]) {
        let confirmed = 0;
        const onConfirmed = (bytes: number) => {
          confirmed += bytes;
        };
        const uploader = await Uploader.begin(store, 'held/back', pool, { signal: forever, onConfirmed });
        await uploader.write(bytesOf(length));
        expect(await keysOf(store, 'held/')).toEqual([]);
        await uploader.abort();
        await uploader.abort();
        expect(confirmed).toBeLessThan(length);
        expect(await keysOf(store, 'held/')).toEqual([]);
        expect(await collect(store.listUnfinished(''))).toEqual([]);
        expect(() => uploader.write(bytesOf(1))).toThrow('aborted');
        await expect(uploader.finish()).rejects.toThrow('aborted');
      }
      await expectAllFree(pool, 4);
    });

    test('ends many uploads at once with fewer buffers than uploads', async () => {
      const pool = new PartPool(3, size);
      const lengths = Array.from({ length: 10 }, (_, index) => size + index * 1000);
      await Promise.all(
        lengths.map(async (length, index) => {
          const uploader = await Uploader.begin(store, `many/${index}`, pool, quiet);
          for (let from = 0; from < length; from += 70_000) {
            await uploader.write(bytesOf(Math.min(70_000, length - from), index));
          }
          await uploader.finish();
        }),
      );
      const sizes = (await collect(store.list('many/'))).map((object) => object.size);
      expect(sizes).toEqual(lengths);
      await expectAllFree(pool, 3);
    });

    test('goes on with one buffer while all other uploads hold theirs and wait', async () => {
      const pool = new PartPool(3, size);
      const waiting = await Promise.all(
        [1, 2].map((n) => Uploader.begin(store, `waiting/${n}`, pool, quiet)),
      );
      for (const uploader of waiting) await uploader.write(bytesOf(size));
      const busy = await Uploader.begin(store, 'waiting/busy', pool, quiet);
      for (let part = 0; part < 4; part += 1) await busy.write(bytesOf(size));
      await busy.finish();
      for (const uploader of waiting) await uploader.finish();
      await expectAllFree(pool, 3);
    });

    test('stops waiting for a buffer or for its turn when it is told to', async () => {
      const pool = new PartPool(1, size);
      const stop = new AbortController();
      const held = await Uploader.begin(store, 'stopped/held', pool, { ...quiet, signal: stop.signal });
      const buffer = await pool.acquire(forever);
      const writing = Promise.resolve(held.write(bytesOf(10)));
      const queued = Uploader.begin(store, 'stopped/queued', pool, { ...quiet, signal: stop.signal });
      stop.abort(new Error('told to stop'));
      await expect(writing).rejects.toThrow('told to stop');
      await expect(queued).rejects.toThrow('told to stop');
      await expect(held.finish()).rejects.toThrow('told to stop');
      await held.abort();
      pool.release(buffer);
      expect(await keysOf(store, 'stopped/')).toEqual([]);
      const next = await Uploader.begin(store, 'stopped/next', pool, quiet);
      await next.abort();
      await expectAllFree(pool, 1);
    });

    test('refuses a key that another object has, with one part and with several', async () => {
      const pool = new PartPool(2, size);
      for (const length of [10, size + 10]) {
        await store.create(`taken/${length}`, bytesOf(5));
        const upload = async () => {
          const uploader = await Uploader.begin(store, `taken/${length}`, pool, quiet);
          try {
            await uploader.write(bytesOf(length));
            await uploader.finish();
          } finally {
            await uploader.abort();
          }
        };
        await expect(upload()).rejects.toThrow(ObjectExistsError);
        expect(await store.read(`taken/${length}`)).toEqual(bytesOf(5));
      }
      expect(await collect(store.listUnfinished(''))).toEqual([]);
      await expectAllFree(pool, 2);
    });
  });
}

describe('an upload through a bad network', () => {
  const size = 5 * 2 ** 20;
  const s3 = proxiedS3();

  test('fails with the reason of the part that failed, and aborts clean', async () => {
    const pool = new PartPool(3, size);
    const denied = { kind: 'answer' as const, status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
    s3.proxy.fault(({ url }) => url.includes('partNumber=2'), denied);
    const uploader = await Uploader.begin(s3.store, 'failing', pool, quiet);
    const writing = (async () => {
      for (let part = 0; part < 20; part += 1) await uploader.write(bytesOf(size));
    })();
    await expect(writing).rejects.toMatchObject({ code: 'credentials' });
    await expect(uploader.finish()).rejects.toMatchObject({ code: 'credentials' });
    await uploader.abort();
    expect(await keysOf(s3.store)).toEqual([]);
    expect(await collect(s3.store.listUnfinished(''))).toEqual([]);
    await expectAllFree(pool, 3);
  });

  test('knows its own small object when the answer was lost', async () => {
    const pool = new PartPool(1, size);
    s3.proxy.fault(isPut, { kind: 'lose-answer' });
    const uploader = await Uploader.begin(s3.store, 'lost/small', pool, quiet);
    await uploader.write(bytesOf(1000));
    expect(await uploader.finish()).toMatchObject({ key: 'lost/small', size: 1000 });
  });

  test('streams the same bytes through resets, lost answers and 503', async () => {
    const pool = new PartPool(4, size);
    const hash = createHash('sha256');
    s3.proxy.fault(isPart, { kind: 'reset' }, 2);
    s3.proxy.fault(isPart, { kind: 'lose-answer' }, 2);
    s3.proxy.fault(isPart, { kind: 'cut-request' }, 2);
    s3.proxy.fault(isPart, { kind: 'answer', status: 503 }, 2);
    s3.proxy.fault(isComplete, { kind: 'lose-answer' });
    const uploader = await Uploader.begin(s3.store, 'streamed', pool, quiet);
    for (let chunk = 0; chunk < 60; chunk += 1) {
      const bytes = bytesOf(700_001, chunk);
      hash.update(bytes);
      await uploader.write(bytes);
    }
    await uploader.finish();
    const read = createHash('sha256');
    const stream = await s3.store.openRead('streamed');
    stream.on('data', (chunk: Buffer) => read.update(chunk));
    await once(stream, 'end');
    expect(read.digest('hex')).toBe(hash.digest('hex'));
  });
});
