import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type SmallDisk, startSmallDisk, whyNoLoop } from '../servers/small-disk.ts';
import { bytesOf, collect, keysOf, sendPart } from './stores.ts';

const why = whyNoLoop();
if (why !== null) process.stdout.write(`disks that fail are not tested here: ${why}\n`);

describe.skipIf(why !== null)('the filesystem store on a disk of its own', () => {
  let disk: SmallDisk;

  beforeAll(async () => {
    disk = await startSmallDisk(24 * 2 ** 20);
  });
  afterAll(() => disk?.stop());

  /** The repository in a directory of the disk, or the disk itself. */
  describe.each(['repository', ''])('in %j', (below) => {
    let store: Store;

    beforeEach(async () => {
      store = await openStore({ type: 'filesystem', path: join(disk.directory, below) });
    });

    test('writes nothing beside a disk that is not mounted, and takes nothing there for missing', async () => {
      await store.create('unmounted/before', bytesOf(10));
      disk.unmount();
      const gone = { code: 'not-found', retryable: true, hint: expect.stringContaining('mounted') };
      try {
        await expect(store.create('unmounted/new', bytesOf(10))).rejects.toMatchObject(gone);
        await expect(store.createMultipart('unmounted/parts')).rejects.toMatchObject(gone);
        await expect(store.read('unmounted/before')).rejects.toMatchObject(gone);
        await expect(store.openRead('unmounted/before')).rejects.toMatchObject(gone);
        await expect(store.stat('unmounted/before')).rejects.toMatchObject(gone);
        await expect(store.delete('unmounted/before')).rejects.toMatchObject(gone);
        await expect(keysOf(store)).rejects.toMatchObject(gone);
        await expect(keysOf(store, 'unmounted/')).rejects.toMatchObject(gone);
        await expect(collect(store.listFolders(''))).rejects.toMatchObject(gone);
        await expect(collect(store.listUnfinished(''))).rejects.toMatchObject(gone);
        expect(readdirSync(disk.directory)).toEqual([]);
      } finally {
        disk.mount();
      }
      expect(await store.read('unmounted/before')).toEqual(bytesOf(10));
      await store.create('unmounted/new', bytesOf(11));
      expect(await keysOf(store, 'unmounted/')).toEqual(['unmounted/before', 'unmounted/new']);
      for (const key of await keysOf(store)) await store.delete(key);
    });

    test('says that the disk is full wherever that is met, leaves nothing, and goes on when there is room', async () => {
      const size = 400_000;
      for (const room of [0, 50_000, 700_000]) {
        await disk.fill(room);
        const full = { code: 'no-space', message: expect.stringContaining('the disk is full') };
        await expect(store.create('full/object', bytesOf(900_000))).rejects.toMatchObject(full);
        const writing = async () => {
          const writer = await store.createMultipart('full/parts');
          try {
            for (const number of [1, 2, 3]) await sendPart(writer, number, size, bytesOf(size, number));
            await writer.complete();
          } finally {
            await writer.abort();
          }
        };
        await expect(writing()).rejects.toMatchObject(full);
        await disk.drain();
        expect(await keysOf(store, 'full/')).toEqual([]);
        expect(await collect(store.listUnfinished(''))).toEqual([]);
        await writing();
        expect(await store.stat('full/parts')).toMatchObject({ size: 3 * size });
        await store.delete('full/parts');
      }
    });

    test('says that the disk is read-only, and reads on', async () => {
      await store.create('read-only/object', bytesOf(10));
      expect(disk.readOnly()).toBe(true);
      const refused = { code: 'unavailable', message: expect.stringContaining('read-only') };
      try {
        await expect(store.create('read-only/new', bytesOf(10))).rejects.toMatchObject(refused);
        await expect(store.delete('read-only/object')).rejects.toMatchObject(refused);
        expect(await store.read('read-only/object')).toEqual(bytesOf(10));
      } finally {
        disk.writable();
      }
      await store.delete('read-only/object');
    });
  });
});
