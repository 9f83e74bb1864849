import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { layout } from '../../repository/layout.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import {
  collect,
  draftOf,
  instant,
  makeBackup,
  newKeys,
  newPlace,
  type Owned,
  ownedRepository,
  signal,
  writeAttempt,
} from './repository-fixture.ts';
import { keysOf, places, type StorePlace } from './stores.ts';

const later = (seconds: number) => new Date(instant.getTime() + seconds * 1000);
const placeOf = (manifest: Manifest) => ({ instanceId: manifest.instance.id, backupId: manifest.id });

/** The real store, with one of its calls replaced. */
function withFault<K extends keyof Store>(store: Store, method: K, fault: Store[K]): Store {
  return new Proxy(store, {
    get(target, property) {
      if (property === method) return fault;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

for (const name of ['filesystem', 's3'] as const) {
  describe(`deleting on the ${name} store`, () => {
    let place: StorePlace;
    let store: Store;
    let owned: Owned;
    let repository: Repository;

    beforeAll(async () => {
      place = await places[name]();
      store = await place.open();
      owned = await ownedRepository(store);
      repository = owned.repository;
    });

    afterAll(async () => {
      await store?.close();
      await place?.close();
    });

    const tombstone = (manifest: Manifest, using = repository) =>
      using.tombstone({ ...placeOf(manifest), by: 'test', at: instant, platformId: owned.platformId });
    const pin = (manifest: Manifest, using = repository) =>
      using.pin({ backupId: manifest.id, holder: 'restore/1', by: 'test', at: instant });
    const sweep = (
      changes: Partial<Parameters<Repository['deleteTombstoned']>[0]> = {},
      using = repository,
    ) =>
      using.deleteTombstoned({
        grace: 3_600_000,
        now: later(7200),
        by: 'janitor',
        platformId: owned.platformId,
        isHolderAlive: async () => true,
        ...changes,
      });
    const keysOfBackup = (manifest: Manifest) =>
      keysOf(store, layout.backup(manifest.instance.id, manifest.id));

    test('takes the bytes after the grace period and not before, and nothing of other backups', async () => {
      const [gone, stays] = [await makeBackup(owned), await makeBackup(owned)];
      const mark = await tombstone(gone.manifest);
      expect(await tombstone(gone.manifest)).toEqual(mark);
      expect((await repository.tombstonedIds()).has(gone.manifest.id)).toBe(true);
      const early = await sweep({ now: later(3599) });
      expect(early.deleted).toEqual([]);
      expect(early.kept).toMatchObject([
        { backupId: gone.manifest.id, reason: expect.stringMatching(/1 s/) },
      ]);
      expect(await collect(repository.verify(gone.manifest, { data: true, signal }))).toEqual([]);
      expect((await sweep()).deleted).toEqual([placeOf(gone.manifest)]);
      expect(await keysOfBackup(gone.manifest)).toEqual([]);
      expect(await collect(repository.verify(stays.manifest, { data: true, signal }))).toEqual([]);
      expect((await sweep()).deleted).toEqual([]);
    });

    test('is refused while a restore holds the backup, and the tombstone is taken back', async () => {
      const { manifest } = await makeBackup(owned);
      await pin(manifest);
      await expect(tombstone(manifest)).rejects.toMatchObject({ code: 'refused' });
      await expect(tombstone(manifest)).rejects.toThrow(/restore\/1/);
      expect((await repository.tombstonedIds()).has(manifest.id)).toBe(false);
      await repository.unpin({ backupId: manifest.id, holder: 'restore/1', by: 'test', at: instant });
      await tombstone(manifest);
      expect((await sweep()).deleted).toEqual([placeOf(manifest)]);
    });

    test('goes on when the holder of a pin no longer runs', async () => {
      const { manifest } = await makeBackup(owned);
      await pin(manifest);
      const dead = { ...placeOf(manifest), by: 'test', at: instant, platformId: owned.platformId };
      await repository.tombstone({ ...dead, isHolderAlive: async () => false });
      expect((await sweep()).deleted).toEqual([]);
      expect((await sweep({ isHolderAlive: async () => false })).deleted).toEqual([placeOf(manifest)]);
    });

    test('refuses a restore that comes after the tombstone, and takes its pin back', async () => {
      const { manifest } = await makeBackup(owned);
      await tombstone(manifest);
      await expect(pin(manifest)).rejects.toMatchObject({ code: 'refused' });
      expect((await sweep()).deleted).toEqual([placeOf(manifest)]);
    });

    test('and restoring at the same moment never both go on, whichever write comes first', async () => {
      for (const first of ['pin', 'tombstone'] as const) {
        const { manifest } = await makeBackup(owned);
        // The other one does all of its work between this one's mark and its look for the other's.
        let intruder: Promise<unknown> | null = null;
        const racing = withFault(store, 'create', async (key, body) => {
          const created = await store.create(key, body);
          if (intruder === null && key.endsWith(`-${first}.json`)) {
            intruder = first === 'pin' ? tombstone(manifest) : pin(manifest);
            await intruder.catch(() => {});
          }
          return created;
        });
        const using = await Repository.open(racing, owned.keys);
        const [ours] = await Promise.allSettled([
          first === 'pin' ? pin(manifest, using) : tombstone(manifest, using),
        ]);
        const [theirs] = await Promise.allSettled([intruder ?? Promise.reject(new Error('no intruder'))]);
        const won = [ours, theirs].filter((one) => one?.status === 'fulfilled');
        expect(won.length, first).toBeLessThanOrEqual(1);
        const isPinned = (first === 'pin' ? ours : theirs)?.status === 'fulfilled';
        const deleted = (await sweep()).deleted.some(({ backupId }) => backupId === manifest.id);
        expect(isPinned && deleted, first).toBe(false);
      }
    });

    test('keeps a parent that another backup is built on, and takes the child first', async () => {
      const parent = await makeBackup(owned);
      const { instance, id } = parent.manifest;
      const child = await makeBackup(owned, {
        place: newPlace(instance.id),
        changes: { kind: 'incremental', parent_id: id, parent_sha256: parent.sha256 },
      });
      await expect(tombstone(parent.manifest)).rejects.toThrow(new RegExp(child.manifest.id));
      await tombstone(child.manifest);
      await tombstone(parent.manifest);
      // The child is taken back while its parent waits: the sweep looks again.
      const [mark] = await repository.marks(child.manifest.id);
      await repository.addMark({
        backupId: child.manifest.id,
        kind: 'undelete',
        at: later(1),
        by: 'test',
        refersTo: mark?.id ?? null,
        epoch: 1,
      });
      const kept = await sweep();
      expect(kept.deleted).toEqual([]);
      expect(kept.kept).toMatchObject([{ backupId: id, reason: expect.stringMatching(/built on it/) }]);
      await tombstone(child.manifest);
      const outcome = await sweep();
      expect(outcome.deleted.map(({ backupId }) => backupId)).toEqual([child.manifest.id, id]);
    });

    test('is refused for what is held, until it is released', async () => {
      const { manifest } = await makeBackup(owned);
      const mark = { backupId: manifest.id, at: instant, by: 'legal', epoch: 1 };
      const hold = await repository.addMark({ ...mark, kind: 'hold', note: 'case 7' });
      await expect(tombstone(manifest)).rejects.toThrow(/held by legal: case 7/);
      await repository.addMark({ ...mark, kind: 'release', refersTo: hold.id });
      await tombstone(manifest);
    });

    test('and every other cleanup is refused on a repository of another platform', async () => {
      const { manifest } = await makeBackup(owned);
      const stranger = '00000000-0000-4000-8000-000000000000';
      const request = { ...placeOf(manifest), by: 'test', at: instant, platformId: stranger };
      for (const attempt of [
        () => repository.tombstone(request),
        () => sweep({ platformId: stranger }),
        () => repository.discardAttempts({ ...request, except: null }),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'refused', retryable: false });
      }
      expect(await collect(repository.verify(manifest, { data: true, signal }))).toEqual([]);
    });

    test.each(['list', 'listFolders'] as const)(
      'removes nothing after a %s that failed part way',
      async (method) => {
        const outage = new BackupctlError('unavailable', 'the store went away');
        for (let whole = 0; ; whole += 1) {
          const { manifest } = await makeBackup(owned);
          await tombstone(manifest);
          const before = await keysOfBackup(manifest);
          let lists = 0;
          let deletes = 0;
          const breaking = withFault(store, method, async function* (prefix: string) {
            lists += 1;
            const fails = lists > whole;
            for await (const item of store[method](prefix)) {
              yield item as never;
              if (fails) throw outage;
            }
          });
          const counting = withFault(breaking, 'delete', async (key, versionId) => {
            deletes += 1;
            await store.delete(key, versionId);
          });
          const using = await Repository.open(counting, owned.keys);
          const [sweeping] = await Promise.allSettled([sweep({}, using)]);
          const left = await keysOfBackup(manifest);
          if (sweeping?.status === 'fulfilled') {
            expect(left).toEqual([]);
            // Owner, marks, instances … are listed before the first byte goes.
            expect(whole).toBeGreaterThanOrEqual(2);
            break;
          }
          expect(sweeping?.reason).toBe(outage);
          // A failure after the decision may leave a part under the tombstone, never data without its manifest.
          if (deletes === 0) expect(left).toEqual(before);
          else expect(left).toContain(layout.manifest(manifest.instance.id, manifest.id));
          if (whole < 2) expect(deletes).toBe(0);
          await sweep();
        }
      },
    );

    test('takes up where a crash left it: data first, the manifest last', async () => {
      const { manifest } = await makeBackup(owned);
      await tombstone(manifest);
      for (let allowed = 0; ; allowed += 1) {
        let deletes = 0;
        const dying = withFault(store, 'delete', async (key, versionId) => {
          if (deletes >= allowed) throw new BackupctlError('unavailable', 'crash');
          deletes += 1;
          await store.delete(key, versionId);
        });
        const using = await Repository.open(dying, owned.keys);
        const [done] = await Promise.allSettled([sweep({}, using)]);
        const left = await keysOfBackup(manifest);
        if (left.some((key) => key.includes('/data/'))) {
          expect(left).toContain(layout.manifest(manifest.instance.id, manifest.id));
        }
        if (done?.status === 'fulfilled') break;
      }
      expect(await keysOfBackup(manifest)).toEqual([]);
    });

    test('believes no mark that somebody else signed or changed', async () => {
      const { manifest } = await makeBackup(owned);
      const stranger = await Repository.open(store, await newKeys());
      await stranger.addMark({ backupId: manifest.id, kind: 'tombstone', at: instant, by: 'x', epoch: 1 });
      await expect(repository.marks(manifest.id)).rejects.toMatchObject({ code: 'corrupt' });
      // It must not make an older backup the newest, either.
      await expect(repository.findBackup(manifest.name)).rejects.toMatchObject({ code: 'corrupt' });
      const outcome = await sweep();
      expect(outcome.deleted).toEqual([]);
      expect(outcome.kept).toMatchObject([
        { backupId: manifest.id, reason: expect.stringMatching(/not signed/) },
      ]);
    });

    test('of attempts spares the one that the manifest names and the one that still runs', async () => {
      const ids = newPlace();
      const [lost, running, won] = [
        await writeAttempt(owned, ids),
        await writeAttempt(owned, ids),
        await writeAttempt(owned, ids),
      ];
      const request = { ...ids, by: 'test', at: instant, platformId: owned.platformId };
      const { manifest } = await repository.commit(draftOf(ids, won), owned.platformId);
      const outcome = await repository.discardAttempts({ ...request, except: running.attempt.id });
      expect(outcome).toEqual({
        attempts: [lost.attempt.id],
        objects: 2,
        held: 0,
        uploads: 0,
        committed: won.attempt.id,
      });
      await repository.discardAttempts({ ...request, except: null });
      expect(await collect(repository.verify(manifest, { data: true, signal }))).toEqual([]);
      expect(await keysOf(store, running.attempt.prefix)).toEqual([]);
    });

    test('gives a backup up or lets it commit, never both, when the two meet', async () => {
      for (const step of ['-tombstone.json', '/manifest.json']) {
        const ids = newPlace();
        const draft = draftOf(ids, await writeAttempt(owned, ids));
        const request = { ...ids, except: null, by: 'test', at: instant, platformId: owned.platformId };
        let other: Promise<unknown> | null = null;
        const racing = withFault(store, 'create', async (key, body) => {
          const created = await store.create(key, body);
          if (other === null && key.endsWith(step)) {
            other =
              step === '/manifest.json'
                ? repository.discardAttempts(request)
                : repository.commit(draft, owned.platformId);
            await other.catch(() => {});
          }
          return created;
        });
        const using = await Repository.open(racing, owned.keys);
        const [ours] = await Promise.allSettled([
          step === '/manifest.json' ? using.commit(draft, owned.platformId) : using.discardAttempts(request),
        ]);
        const commit = step === '/manifest.json' ? ours : (await Promise.allSettled([other]))[0];
        const findings = await collect(repository.verify(ids, { data: true, signal })).catch(
          () => 'no backup',
        );
        if (commit?.status === 'fulfilled') expect(findings, step).toEqual([]);
        else expect(findings, step).toBe('no backup');
      }
    });
  });
}
