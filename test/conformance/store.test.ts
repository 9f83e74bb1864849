import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeCreateIfAbsent } from '../../repository/probe.ts';
import { ObjectExistsError, ObjectMissingError, type Part, type Store } from '../../repository/store.ts';
import { bytesOf, collect, keysOf, places, type StorePlace, sendPart } from './stores.ts';

/** S3's smallest part that is not the last. */
const PART = 5 * 2 ** 20;

for (const name of ['filesystem', 's3'] as const) {
  describe(`the ${name} store`, () => {
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

    test('gives back what was written, with its size and time', async () => {
      const before = Date.now();
      const body = bytesOf(100_000);
      const created = await store.create('plain/object.json', body);
      expect(created).toMatchObject({ key: 'plain/object.json', size: 100_000, versionId: null });
      expect(Math.abs(created.modified.getTime() - before)).toBeLessThan(60_000);
      expect(await store.read('plain/object.json')).toEqual(body);
      expect(await store.stat('plain/object.json')).toMatchObject({
        key: 'plain/object.json',
        size: 100_000,
      });
    });

    test('keeps an empty object, and one with every character that a key may have', async () => {
      const key = 'odd/%2Fa~b+c@d=e-f_g.%25/Z0';
      await store.create(key, Buffer.alloc(0));
      expect(await store.read(key)).toHaveLength(0);
      expect(await collect(await store.openRead(key))).toEqual([]);
      expect(await keysOf(store, 'odd/')).toEqual([key]);
    });

    test('says of what is missing that it is missing', async () => {
      await expect(store.read('missing')).rejects.toThrow(ObjectMissingError);
      await expect(store.openRead('missing')).rejects.toThrow(ObjectMissingError);
      await expect(store.openRead('missing', { start: 3, end: 7 })).rejects.toThrow(ObjectMissingError);
      expect(await store.stat('missing')).toBeNull();
      expect(await keysOf(store, 'missing/')).toEqual([]);
      expect(await collect(store.listFolders('missing/'))).toEqual([]);
    });

    test('takes no folder for an object', async () => {
      await store.create('folder/within', bytesOf(3));
      expect(await store.stat('folder')).toBeNull();
      await expect(store.read('folder')).rejects.toThrow(ObjectMissingError);
      await store.delete('folder');
      expect(await keysOf(store, 'folder/')).toEqual(['folder/within']);
    });

    test('never replaces an object, and lets exactly one of twenty concurrent writers win', async () => {
      const writers = await Promise.all(Array.from({ length: 20 }, () => place.open()));
      try {
        const outcomes = await Promise.allSettled(
          writers.map((writer, index) => writer.create('contested/object', bytesOf(50_000, index))),
        );
        const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
        expect(winners).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ObjectExistsError);
        }
        await expect(store.create('contested/object', bytesOf(1))).rejects.toThrow(ObjectExistsError);
        expect(await store.read('contested/object')).toEqual(bytesOf(50_000, winners[0]));
        expect(await collect(store.listUnfinished('contested/'))).toEqual([]);
      } finally {
        await Promise.all(writers.map((writer) => writer.close()));
      }
    });

    test('lets exactly one of eight concurrent multipart uploads win', async () => {
      const writers = await Promise.all(
        Array.from({ length: 8 }, () => store.createMultipart('contested/big')),
      );
      await Promise.all(writers.map((writer, index) => sendPart(writer, 1, PART, bytesOf(1000, index))));
      const outcomes = await Promise.allSettled(writers.map((writer) => writer.complete()));
      const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ObjectExistsError);
      }
      await Promise.all(writers.map((writer) => writer.abort()));
      expect(await store.read('contested/big')).toEqual(bytesOf(1000, winners[0]));
      expect(await collect(store.listUnfinished('contested/'))).toEqual([]);
    });

    test('lists by the order of whole keys, and folders with something below them only', async () => {
      const keys = [
        'order/a-b',
        'order/a.b/c',
        'order/a/b',
        'order/a/b.c/d',
        'order/a0',
        'order/b',
        'order/B/x',
      ];
      for (const key of keys) await store.create(key, bytesOf(key.length));
      expect(await keysOf(store, 'order/')).toEqual([...keys].sort());
      expect(await keysOf(store, 'order/a/')).toEqual(['order/a/b', 'order/a/b.c/d']);
      expect(await collect(store.listFolders('order/'))).toEqual(['B', 'a.b', 'a']);
      const listed = await collect(store.list('order/'));
      expect(listed.map(({ size }) => size)).toEqual(listed.map(({ key }) => key.length));
    });

    test('lists more than a thousand objects and folders to the end', { timeout: 120_000 }, async () => {
      const keys = Array.from({ length: 1_030 }, (_, index) => `many/${String(index).padStart(4, '0')}/x`);
      for (let from = 0; from < keys.length; from += 32) {
        await Promise.all(keys.slice(from, from + 32).map((key) => store.create(key, bytesOf(10))));
      }
      expect(await keysOf(store, 'many/')).toEqual(keys);
      expect(await collect(store.listFolders('many/'))).toEqual(keys.map((key) => key.split('/')[1]));
    });

    test('reads ranges, and refuses one that the object is too short for', async () => {
      const body = bytesOf(3_000_000);
      await store.create('ranges/object', body);
      const read = async (range: { start?: number; end?: number }) =>
        Buffer.concat((await collect(await store.openRead('ranges/object', range))) as Buffer[]);
      expect((await read({})).equals(body)).toBe(true);
      expect(
        (await read({ start: 1_000_001, end: 2_500_000 })).equals(body.subarray(1_000_001, 2_500_000)),
      ).toBe(true);
      expect(await read({ start: 2_999_999 })).toEqual(body.subarray(2_999_999));
      expect(await read({ end: 1 })).toEqual(body.subarray(0, 1));
      expect(await read({ start: 3_000_000 })).toHaveLength(0);
      expect(await read({ start: 7, end: 7 })).toHaveLength(0);
      for (const range of [{ end: 3_000_001 }, { start: 3_000_001 }, { start: 5, end: 4 }]) {
        await expect(store.openRead('ranges/object', range)).rejects.toMatchObject({ code: 'corrupt' });
      }
    });

    test('lets a reader leave in the middle, and go on writing and reading', async () => {
      await store.create('left/object', bytesOf(4_000_000));
      for (let round = 0; round < 20; round += 1) {
        const stream = await store.openRead('left/object');
        for await (const chunk of stream) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        expect(stream.destroyed).toBe(true);
      }
      (await store.openRead('left/object')).destroy();
      expect(await store.read('left/object')).toHaveLength(4_000_000);
    });

    test('removes an object once and twice, and its name can be used again', async () => {
      await store.create('removed/a/b', bytesOf(5));
      await store.delete('removed/a/b');
      await store.delete('removed/a/b');
      await store.delete('removed/never/was');
      expect(await store.stat('removed/a/b')).toBeNull();
      expect(await collect(store.listFolders('removed/'))).toEqual([]);
      await store.create('removed/a', bytesOf(6));
      expect(await store.read('removed/a')).toEqual(bytesOf(6));
    });

    test('refuses keys and prefixes that lead elsewhere, in every call', async () => {
      for (const key of [
        '',
        '/etc/passwd',
        '../x',
        'a/../b',
        'a//b',
        'a/',
        './a',
        'a\\b',
        'a\nb',
        'a b',
        'é',
        'a#b',
      ]) {
        const refused = { code: 'refused' };
        await expect(store.create(key, bytesOf(1)), key).rejects.toMatchObject(refused);
        await expect(store.createMultipart(key), key).rejects.toMatchObject(refused);
        await expect(store.read(key), key).rejects.toMatchObject(refused);
        await expect(store.openRead(key), key).rejects.toMatchObject(refused);
        await expect(store.stat(key), key).rejects.toMatchObject(refused);
        await expect(store.delete(key), key).rejects.toMatchObject(refused);
        const unfinished = { key, id: 'x', begun: new Date() };
        await expect(store.resumeMultipart(unfinished), key).rejects.toMatchObject(refused);
        await expect(store.abortUnfinished(unfinished), key).rejects.toMatchObject(refused);
      }
      for (const prefix of ['a', '/', '../', 'a//', 'a/../']) {
        const refused = { code: 'refused' };
        await expect(collect(store.list(prefix)), prefix).rejects.toMatchObject(refused);
        await expect(collect(store.listFolders(prefix)), prefix).rejects.toMatchObject(refused);
        await expect(collect(store.listUnfinished(prefix)), prefix).rejects.toMatchObject(refused);
      }
    });

    test('puts parts together in the order of their numbers, whatever the order they come in', async () => {
      const body = bytesOf(2 * PART + 12_345);
      const parts = [0, 1, 2].map((index) => body.subarray(index * PART, (index + 1) * PART));
      const writer = await store.createMultipart('parts/object');
      await sendPart(writer, 3, PART, parts[2] as Buffer);
      await Promise.all([
        sendPart(writer, 2, PART, parts[1] as Buffer),
        sendPart(writer, 1, PART, parts[0] as Buffer),
      ]);
      expect(await store.stat('parts/object')).toBeNull();
      expect(await keysOf(store, 'parts/')).toEqual([]);
      expect(await collect(store.listFolders(''))).not.toContain('parts');
      const stored = await writer.complete();
      expect(stored).toMatchObject({ key: 'parts/object', size: body.length, versionId: null });
      expect((await store.read('parts/object')).equals(body)).toBe(true);
      await writer.abort();
      expect(await store.stat('parts/object')).toMatchObject({ size: body.length });
    });

    test('lists what is unfinished, and ends it', async () => {
      const begun = Date.now();
      const writer = await store.createMultipart('unfinished/one/object');
      await sendPart(writer, 1, PART, bytesOf(1000));
      const second = await store.createMultipart('unfinished/two');
      const found = await collect(store.listUnfinished('unfinished/'));
      expect(found.map(({ key }) => key)).toEqual(['unfinished/one/object', 'unfinished/two']);
      for (const write of found) expect(Math.abs(write.begun.getTime() - begun)).toBeLessThan(60_000);
      expect(await collect(store.listUnfinished('unfinished/one/'))).toHaveLength(1);
      for (const write of [...found, ...found]) await store.abortUnfinished(write);
      expect(await collect(store.listUnfinished(''))).toEqual([]);
      await expect(writer.complete()).rejects.toThrow();
      expect(await keysOf(store, 'unfinished/')).toEqual([]);
      await writer.abort();
      await second.abort();
    });

    test('leaves nothing of an upload that was aborted, even with parts on their way', async () => {
      const writer = await store.createMultipart('aborted/object');
      await sendPart(writer, 1, PART, bytesOf(PART));
      const onTheWay = sendPart(writer, 2, PART, bytesOf(PART)).catch(() => {});
      await writer.abort();
      await onTheWay;
      await writer.abort();
      expect(await collect(store.listUnfinished(''))).toEqual([]);
      expect(await keysOf(store, 'aborted/')).toEqual([]);
      await expect(writer.complete()).rejects.toThrow();
    });

    test('takes an unfinished write up where it was left, and keeps the parts that it has', async () => {
      const body = bytesOf(3 * PART + 1_000);
      const part = (index: number): Part => {
        const piece = body.subarray(index * PART, (index + 1) * PART);
        return { number: index + 1, offset: index * PART, body: piece, crc32: crc32(piece) };
      };
      const [first, second, third, last] = [part(0), part(1), part(2), part(3)];
      const writer = await store.createMultipart('resumed/object');
      expect(await writer.keeps(first)).toBe(false);
      await writer.writePart(first);
      expect(await writer.keeps(first)).toBe(false);
      // Of another content, as a writer with other bytes would have left it.
      await sendPart(writer, 2, PART, bytesOf(PART, 7));
      await writer.suspend();
      await writer.suspend();

      const other = await place.open();
      const [unfinished] = await collect(other.listUnfinished('resumed/'));
      if (unfinished === undefined) throw new Error('the unfinished write is not listed');
      const resumed = await other.resumeMultipart(unfinished);
      if (resumed === null) throw new Error('the unfinished write is gone');
      expect(await resumed.keeps(first)).toBe(true);
      expect(await resumed.keeps({ ...first, number: 3, offset: third.offset })).toBe(false);
      expect(await resumed.keeps(second)).toBe(false);
      expect(await resumed.keeps(last)).toBe(false);
      for (const missing of [second, third, last]) await resumed.writePart(missing);
      const stored = await resumed.complete();
      expect(stored.size).toBe(body.length);
      expect((await other.read('resumed/object')).equals(body)).toBe(true);
      expect(await collect(other.listUnfinished('resumed/'))).toEqual([]);
      expect(await other.resumeMultipart(unfinished)).toBeNull();
      await resumed.abort();
      await other.close();
    });

    test('completes a write that was taken up with the parts of the second writer only', async () => {
      const writer = await store.createMultipart('resumed/shorter');
      for (const number of [1, 2, 3]) await sendPart(writer, number, PART, bytesOf(PART, number));
      await writer.suspend();
      const [unfinished] = await collect(store.listUnfinished('resumed/'));
      if (unfinished === undefined) throw new Error('the unfinished write is not listed');
      const resumed = await store.resumeMultipart(unfinished);
      const body = bytesOf(PART, 1);
      expect(await resumed?.keeps({ number: 1, offset: 0, body, crc32: crc32(body) })).toBe(true);
      expect(await resumed?.complete()).toMatchObject({ size: PART });
      expect((await store.read('resumed/shorter')).equals(body)).toBe(true);
    });

    test('gives the room of a write that was taken up back', async () => {
      const writer = await store.createMultipart('resumed/aborted');
      await sendPart(writer, 1, PART, bytesOf(PART));
      await writer.suspend();
      const [unfinished] = await collect(store.listUnfinished('resumed/'));
      if (unfinished === undefined) throw new Error('the unfinished write is not listed');
      const resumed = await store.resumeMultipart(unfinished);
      await resumed?.abort();
      expect(await collect(store.listUnfinished('resumed/'))).toEqual([]);
      expect(await store.stat('resumed/aborted')).toBeNull();
    });

    test('refuses a part whose checksum is another', async () => {
      const writer = await store.createMultipart('checksum/object');
      const part = { number: 1, offset: 0, body: bytesOf(1000), crc32: 12_345 };
      await expect(writer.writePart(part)).rejects.toMatchObject({ code: 'corrupt' });
      await writer.abort();
      expect(await keysOf(store, 'checksum/')).toEqual([]);
    });

    test('passes the probe, which leaves nothing', async () => {
      await probeCreateIfAbsent(store);
      expect(await keysOf(store, 'probes/')).toEqual([]);
    });

    test('writes and removes side by side in one folder without a false error', async () => {
      const rounds = Array.from({ length: 60 }, async (_, index) => {
        const key = `churn/deep/er/${index % 6}-${index}`;
        await store.create(key, bytesOf(20));
        await store.delete(key);
      });
      await Promise.all(rounds);
      expect(await keysOf(store, 'churn/')).toEqual([]);
    });
  });
}
