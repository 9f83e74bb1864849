import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completenessOf } from '../../repository/completeness.ts';
import { layout } from '../../repository/layout.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { RetainRequest } from '../../repository/retain.ts';
import type { Store } from '../../repository/store.ts';
import { instant, makeBackup, newPlace, type Owned, ownedRepository } from './repository-fixture.ts';
import { places, type StorePlace } from './stores.ts';

describe('retention in a repository', () => {
  let place: StorePlace;
  let store: Store;
  let owned: Owned;

  beforeAll(async () => {
    place = await places.filesystem();
    store = await place.open();
    owned = await ownedRepository(store);
  });

  afterAll(async () => {
    await store?.close();
    await place?.close();
  });

  /** A schedule of an instance of its own, with so many backups, oldest first. */
  async function schedule(count: number) {
    const [instanceId, scheduleId] = [randomUUID(), randomUUID()];
    const add = async (changes: Partial<Manifest> = {}) =>
      (
        await makeBackup(owned, {
          place: newPlace(instanceId),
          size: 10,
          changes: { schedule_id: scheduleId, ...changes },
        })
      ).manifest;
    const made: Manifest[] = [];
    for (let i = 0; i < count; i += 1) made.push(await add());
    const retain = (
      keepLast: number,
      changes: Partial<RetainRequest> = {},
      repository: Repository = owned.repository,
    ) =>
      repository.retain({
        instanceId,
        scheduleId,
        madeId: made.at(-1)?.id ?? '',
        rules: { keepLast },
        by: 'test',
        at: instant,
        platformId: owned.platformId,
        isHolderAlive: async () => true,
        most: 1000,
        ...changes,
      });
    return { instanceId, scheduleId, made, add, retain };
  }

  const ids = (manifests: (Manifest | undefined)[]) => manifests.map((manifest) => manifest?.id);
  const deleting = async (manifests: Manifest[]) => {
    const tombstoned = await owned.repository.tombstonedIds();
    return ids(manifests.filter(({ id }) => tombstoned.has(id)));
  };

  test('tombstones what is beyond the newest N, says why in the mark, and finds nothing the second time', async () => {
    const { made, retain } = await schedule(4);
    expect(await retain(2)).toMatchObject({
      tombstoned: ids([made[1], made[0]]),
      wanted: 2,
      doubt: null,
    });
    const [mark] = await owned.repository.marks(made[0]?.id ?? '');
    expect(mark).toMatchObject({
      kind: 'tombstone',
      by: 'test',
      note: 'beyond the 2 newest of its schedule',
    });
    expect(await retain(2)).toMatchObject({ tombstoned: [], wanted: 2 });
    expect(await deleting(made)).toEqual(ids(made.slice(0, 2)));
  });

  test('leaves what is pinned, held, locked by its store or marked by nobody it trusts, and does not count what is broken', async () => {
    const { made, retain, add } = await schedule(6);
    const locked = await add({ retain_until: new Date(instant.getTime() + 1000).toISOString() });
    const [pinned, held, forged, free, broken, newest] = made as [
      Manifest,
      Manifest,
      Manifest,
      Manifest,
      Manifest,
      Manifest,
    ];
    await owned.repository.pin({ backupId: pinned.id, holder: 'restore/1', by: 'test', at: instant });
    const mark = { at: instant, by: 'test', epoch: 1 };
    await owned.repository.addMark({ ...mark, backupId: held.id, kind: 'hold' });
    await owned.repository.addMark({ ...mark, backupId: broken.id, kind: 'broken' });
    await store.create(layout.mark(forged.id, randomUUID(), 'tombstone'), Buffer.from('{}'));
    const last = await add();
    const outcome = await retain(2, { madeId: last.id });
    // The two newest good ones are the last and the locked one; the broken one is older, and goes as well.
    expect(outcome.tombstoned).toEqual(ids([newest, broken, free]));
    expect(outcome.held.map(({ id, reason }) => [id, reason])).toEqual([
      [forged.id, expect.stringContaining('cannot be believed')],
      [held.id, 'it is held by test'],
      [pinned.id, 'it is in use by restore/1'],
    ]);
    const next = [await add(), await add()];
    expect((await retain(2, { madeId: next[1]?.id ?? '' })).held).toContainEqual({
      id: locked.id,
      reason: expect.stringContaining('its store holds it until 2026'),
    });
  });

  test('takes back the tombstone of a backup that a restore pinned at the same moment', async () => {
    const { made, retain } = await schedule(2);
    const [old] = made as [Manifest];
    let pinned = false;
    const outcome = await retain(
      1,
      {},
      await withCreate(async (key, create) => {
        if (key.startsWith(layout.marksOf(old.id)) && key.endsWith('-tombstone.json') && !pinned) {
          pinned = true;
          await owned.repository.pin({ backupId: old.id, holder: 'restore/2', by: 'test', at: instant });
        }
        return create();
      }),
    );
    expect(outcome.tombstoned).toEqual([]);
    expect(outcome.held).toEqual([{ id: old.id, reason: expect.stringContaining('restore/2') }]);
    expect(await deleting(made)).toEqual([]);
  });

  /** The repository on a store whose `create` passes through a hand of the test. */
  async function withCreate(
    hand: (key: string, create: () => ReturnType<Store['create']>) => ReturnType<Store['create']>,
  ): Promise<Repository> {
    return Repository.open(
      new Proxy(store, {
        get(target, property) {
          if (property === 'create') {
            return (key: string, body: Uint8Array) => hand(key, () => target.create(key, body));
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
      owned.keys,
    );
  }

  test('counts a backup that is in too few repositories for nothing', async () => {
    const { made, retain } = await schedule(4);
    const incomplete = made[3]?.id;
    const outcome = await retain(2, { isComplete: (id) => id !== incomplete });
    expect(outcome.tombstoned).toEqual(ids([made[0]]));
  });

  test('learns from the copies what is complete; one that cannot be asked vouches for nothing', async () => {
    const { made, retain, instanceId } = await schedule(4);
    const copy = await places.filesystem();
    const copied = await copy.open();
    await copied.create(layout.repository, await store.read(layout.repository));
    // All but the newest are in the copy.
    for (const { id } of made.slice(0, 3)) {
      const key = layout.manifest(instanceId, id);
      await copied.create(key, await store.read(key));
    }
    const there = await Repository.open(copied, owned.keys);
    const placeNamed = (name: string, repository: () => Promise<Repository>) => ({
      name,
      location: name,
      repository,
      writable: repository,
    });
    const near = placeNamed('near', async () => there);
    const away = placeNamed('away', () => Promise.reject(new Error('no route')));

    const asked = await completenessOf({ others: [near, away], quorum: 2 }, instanceId);
    expect(made.map(({ id }) => asked.isComplete(id))).toEqual([true, true, true, false]);
    expect(asked.unasked).toEqual([{ copy: 'away', reason: 'no route' }]);
    expect(await retain(2, { isComplete: asked.isComplete })).toMatchObject({
      tombstoned: ids([made[0]]),
      wanted: 2,
    });
    const alone = await completenessOf({ others: [away], quorum: 2 }, instanceId);
    expect(await retain(1, { isComplete: alone.isComplete })).toMatchObject({ tombstoned: [], wanted: 0 });
    await copied.close();
    await copy.close();
  });

  test('removes nothing, and says so, while a manifest of the instance is damaged, until that backup is deleted', async () => {
    const { made, retain, instanceId } = await schedule(3);
    const [, damaged] = made as [Manifest, Manifest];
    const key = layout.manifest(instanceId, damaged.id);
    await store.delete(key, null);
    await store.create(key, Buffer.from('{"format":1}'));
    const outcome = await retain(1);
    expect(outcome.tombstoned).toEqual([]);
    expect(outcome.doubt).toMatch(new RegExp(`backup ${damaged.id} is damaged`));
    expect(await deleting(made)).toEqual([]);
    await owned.repository.tombstone({
      instanceId,
      backupId: damaged.id,
      by: 'test',
      at: instant,
      platformId: owned.platformId,
    });
    expect((await retain(1)).tombstoned).toEqual(ids([made[0]]));
  });

  test('removes nothing where a list fails, or does not show the backup that was just made', async () => {
    const { made, retain } = await schedule(3);
    const broken = await Repository.open(
      new Proxy(store, {
        get(target, property) {
          if (property === 'listFolders') {
            return async function* (prefix: string) {
              for await (const folder of target.listFolders(prefix)) {
                yield folder;
                throw new Error('the list broke off');
              }
            };
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
      owned.keys,
    );
    await expect(retain(1, {}, broken)).rejects.toThrow('the list broke off');
    expect(await retain(1, { madeId: randomUUID() })).toMatchObject({
      tombstoned: [],
      doubt: expect.stringContaining('it is an old list'),
    });
    expect(await deleting(made)).toEqual([]);
  });

  test('never deletes again what a person brought back', async () => {
    const { made, retain, instanceId } = await schedule(3);
    await retain(1);
    const back = made[0] as Manifest;
    await owned.repository.undelete({
      instanceId,
      backupId: back.id,
      by: 'somebody',
      at: instant,
      platformId: owned.platformId,
    });
    expect(await retain(1)).toMatchObject({
      tombstoned: [],
      held: [{ id: back.id, reason: expect.stringContaining('somebody brought it back') }],
    });
  });

  test('goes on in the next run where there is too much for one', async () => {
    const { made, retain } = await schedule(5);
    expect(await retain(1, { most: 3 })).toMatchObject({
      tombstoned: ids([made[3], made[2], made[1]]),
      left: 1,
    });
    expect(await retain(1, { most: 3 })).toMatchObject({ tombstoned: ids([made[0]]), left: 0 });
  });

  test('is refused to a platform that has lost the repository', async () => {
    const { retain } = await schedule(2);
    await expect(retain(1, { platformId: randomUUID() })).rejects.toMatchObject({ code: 'refused' });
  });
});
