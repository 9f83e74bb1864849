import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layout } from '../../repository/layout.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import {
  collect,
  instant,
  makeBackup,
  newPlace,
  type Owned,
  ownedRepository,
  signal,
} from './repository-fixture.ts';
import { keysOf, places, type StorePlace } from './stores.ts';

const placeOf = (manifest: Manifest) => ({ instanceId: manifest.instance.id, backupId: manifest.id });

describe('taking a deletion back', () => {
  let place: StorePlace;
  let store: Store;
  let owned: Owned;
  let repository: Repository;

  beforeAll(async () => {
    place = await places.filesystem();
    store = await place.open();
    owned = await ownedRepository(store);
    repository = owned.repository;
  });

  afterAll(async () => {
    await store?.close();
    await place?.close();
  });

  const request = (manifest: Manifest) => ({
    ...placeOf(manifest),
    by: 'test',
    at: instant,
    platformId: owned.platformId,
  });
  const tombstone = (manifest: Manifest, using = repository) => using.tombstone(request(manifest));
  const undelete = (manifest: Manifest, using = repository) => using.undelete(request(manifest));
  const sweep = (using = repository) =>
    using.deleteTombstoned({
      grace: 0,
      now: instant,
      by: 'janitor',
      platformId: owned.platformId,
      isHolderAlive: async () => true,
    });
  const isThere = async (manifest: Manifest) =>
    (await keysOf(store, layout.backup(manifest.instance.id, manifest.id))).length > 0;
  const damage = (manifest: Manifest) => collect(repository.verify(manifest, { data: true, signal }));
  const small = () => makeBackup(owned, { size: 10 });

  /** A store that does something else before its call number `at`, and says how many calls there were. */
  async function interrupted(at: number, intrude: () => Promise<unknown>) {
    const seen = { calls: 0 };
    const calls = async () => {
      seen.calls += 1;
      if (seen.calls === at) await intrude();
    };
    const watched: (keyof Store)[] = ['create', 'read', 'stat', 'delete'];
    const lists: (keyof Store)[] = ['list', 'listFolders', 'listUnfinished'];
    const proxy = new Proxy(store, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...args: unknown[]) => unknown;
        if (watched.includes(property as keyof Store)) {
          return async (...args: unknown[]) => {
            await calls();
            return call(...args);
          };
        }
        if (lists.includes(property as keyof Store)) {
          return async function* (...args: unknown[]) {
            await calls();
            yield* call(...args) as AsyncIterable<unknown>;
          };
        }
        return call;
      },
    });
    const using = await Repository.open(proxy, owned.keys);
    seen.calls = 0;
    return { using, seen };
  }

  test('brings a backup back that can be found, verified, deleted and brought back again', async () => {
    const { manifest } = await small();
    for (let round = 0; round < 2; round += 1) {
      await tombstone(manifest);
      expect((await repository.tombstonedIds()).has(manifest.id)).toBe(true);
      await undelete(manifest);
      await undelete(manifest);
      expect((await repository.tombstonedIds()).has(manifest.id)).toBe(false);
      expect((await sweep()).deleted).toEqual([]);
      expect(await damage(manifest)).toEqual([]);
    }
    await tombstone(manifest);
    expect((await sweep()).deleted).toEqual([placeOf(manifest)]);
    await expect(undelete(manifest)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('the removal of its bytes began at'),
    });
  });

  test('is refused for what is not being deleted, and for what never was', async () => {
    const { manifest } = await small();
    await expect(undelete(manifest)).rejects.toThrow(/is not being deleted/);
    const nobody = { ...request(manifest), ...newPlace() };
    await expect(repository.undelete(nobody)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('is refused to a platform that has lost the repository', async () => {
    const { manifest } = await small();
    await tombstone(manifest);
    await expect(
      repository.undelete({ ...request(manifest), platformId: crypto.randomUUID() }),
    ).rejects.toMatchObject({ code: 'refused' });
    expect((await repository.tombstonedIds()).has(manifest.id)).toBe(true);
  });

  test('wants the parent of an increment first', async () => {
    const parent = await small();
    const { manifest } = await makeBackup(owned, {
      size: 10,
      place: newPlace(parent.manifest.instance.id),
      changes: { kind: 'incremental', parent_id: parent.manifest.id, parent_sha256: parent.sha256 },
    });
    await tombstone(manifest);
    await tombstone(parent.manifest);
    await expect(undelete(manifest)).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining(parent.manifest.id),
    });
    await undelete(parent.manifest);
    await undelete(manifest);
    await sweep();
    expect(await damage(manifest)).toEqual([]);
    expect(await damage(parent.manifest)).toEqual([]);
  });

  test('meets a sweep at any of its calls, and either brings back a whole backup or is refused', async () => {
    const outcomes = new Set<string>();
    for (let at = 1; ; at += 1) {
      const { manifest } = await small();
      await tombstone(manifest);
      let brought: Promise<void> | undefined;
      const { using, seen } = await interrupted(at, () => {
        brought = undelete(manifest);
        return brought.catch(() => {});
      });
      await sweep(using);
      if (seen.calls < at) {
        expect(at).toBeGreaterThan(10);
        break;
      }
      outcomes.add(await agreeing(manifest, brought, `call ${at} of the sweep`));
    }
    expect([...outcomes].sort()).toEqual(['brought back', 'refused']);
  }, 30_000);

  test('is met by a sweep at any of its own calls, and either brings back a whole backup or is refused', async () => {
    const outcomes = new Set<string>();
    for (let at = 1; ; at += 1) {
      const { manifest } = await small();
      await tombstone(manifest);
      const { using, seen } = await interrupted(at, () => sweep());
      const brought = undelete(manifest, using);
      await brought.catch(() => {});
      if (seen.calls < at) {
        expect(at).toBeGreaterThan(5);
        break;
      }
      outcomes.add(await agreeing(manifest, brought, `call ${at} of the undelete`));
    }
    expect([...outcomes].sort()).toEqual(['brought back', 'refused']);
  }, 30_000);

  /** What was said must be what is: now, and after the next sweep. */
  async function agreeing(manifest: Manifest, brought: Promise<void> | undefined, when: string) {
    const said = await brought?.then(
      () => 'brought back',
      (error: unknown) => (error as { code?: string }).code ?? 'failed',
    );
    if (said === 'brought back') expect(await damage(manifest), when).toEqual([]);
    await sweep();
    if (said === 'brought back') expect(await damage(manifest), when).toEqual([]);
    else {
      expect(['refused', 'not-found'], when).toContain(said);
      expect(await isThere(manifest), when).toBe(false);
    }
    // Not left for the sweeps to come: each would have more calls than the one before.
    if (said === 'brought back') await tombstone(manifest);
    await sweep();
    return said === 'brought back' ? said : 'refused';
  }

  test('holds where the one who decided it was cut off before the mark that says so', async () => {
    const { manifest } = await small();
    await tombstone(manifest);
    const { using } = await interrupted(0, async () => {});
    const cut = new Proxy(using.store, {
      get(target, property) {
        if (property === 'create') {
          return (key: string, body: Uint8Array) =>
            key.endsWith('-undelete.json')
              ? Promise.reject(new Error('the power went'))
              : target.create(key, body);
        }
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await expect(undelete(manifest, await Repository.open(cut, owned.keys))).rejects.toThrow(
      'the power went',
    );
    expect((await sweep()).deleted).toEqual([]);
    await undelete(manifest);
    expect((await repository.tombstonedIds()).has(manifest.id)).toBe(false);
    // It can be deleted again, and then it goes.
    await tombstone(manifest);
    expect((await sweep()).deleted).toEqual([placeOf(manifest)]);
  });

  test('takes back all of several tombstones', async () => {
    const { manifest } = await small();
    await tombstone(manifest);
    const mark = { backupId: manifest.id, at: instant, by: 'another', epoch: 1 };
    await repository.addMark({ ...mark, kind: 'tombstone' });
    await undelete(manifest);
    expect((await sweep()).deleted).toEqual([]);
    expect((await repository.tombstonedIds()).has(manifest.id)).toBe(false);
  });

  test('is not possible in a copy once the first repository has decided', async () => {
    const { manifest } = await small();
    const mark = await tombstone(manifest);
    const decide = { by: 'janitor', at: instant, platformId: owned.platformId };
    expect(await repository.settleRemoval(mark, decide)).toBe('removed');
    await expect(undelete(manifest)).rejects.toMatchObject({ code: 'refused' });
    const other = await small();
    const second = await tombstone(other.manifest);
    await undelete(other.manifest);
    expect(await repository.settleRemoval(second, decide)).toBe('kept');
  });
});
