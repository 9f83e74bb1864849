import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Survey } from '../../freshness/survey.ts';
import { judge } from '../../freshness/verdict.ts';
import { layout } from '../../repository/layout.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import {
  instant,
  makeBackup,
  newPlace,
  type Owned,
  ownedRepository,
  writeAttempt,
} from './repository-fixture.ts';
import { places, type StorePlace } from './stores.ts';

const hour = 3_600_000;
const at = (hours: number) => new Date(instant.getTime() + hours * hour).toISOString();

/** The real store, and how often each of its calls was made. */
function counted(store: Store): { store: Store; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const counting = new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls[String(property)] = (calls[String(property)] ?? 0) + 1;
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
  return { store: counting, calls };
}

for (const name of ['filesystem', 's3'] as const) {
  describe(`a survey of the freshness of a repository on the ${name} store`, () => {
    let place: StorePlace;
    let store: Store;
    let owned: Owned;

    beforeAll(async () => {
      place = await places[name]();
      store = await place.open();
      owned = await ownedRepository(store);
    });

    afterAll(async () => {
      await store?.close();
      await place?.close();
    });

    async function instance(changes: { max_age?: number | null } = {}): Promise<string> {
      const id = randomUUID();
      await owned.repository.putInstance({
        ...{ id, revision: 1, deleted: false, name: `shop-${id}`, engine: 'postgres' },
        ...{ url: 'postgres://backup@db/shop', password: null, task_queue: null },
        ...{ created_at: at(0), updated_at: at(0), ...changes },
      });
      return id;
    }
    const backup = async (instanceId: string, hours: number): Promise<Manifest> => {
      const changes = { created_at: at(hours), started_at: at(hours), finished_at: at(hours) };
      return (await makeBackup(owned, { place: newPlace(instanceId), changes })).manifest;
    };
    async function surveyed(instanceId: string, survey = new Survey(owned.repository)) {
      await survey.refresh();
      await survey.refreshMarks();
      await survey.look(instanceId);
      const record = survey.instances.find(({ id }) => id === instanceId);
      if (record === undefined) throw new Error('the instance is there');
      return judge(survey, record, { now: Date.parse(at(30)) });
    }

    test('finds the newest good backup, and passes over what is damaged, being deleted, broken or only begun', async () => {
      const id = await instance({ max_age: 26 * 3600 });
      expect(await surveyed(id)).toMatchObject({ stale: true, lastBackupId: null, cause: 'late' });

      const good = await backup(id, 5);
      expect(await surveyed(id)).toMatchObject({ stale: false, lastBackupId: good.id, maxAge: 26 * 3600 });

      const damaged = await backup(id, 6);
      const key = layout.manifest(id, damaged.id);
      const bytes = await store.read(key);
      await store.delete(key);
      await store.create(key, Buffer.from(bytes.toString('utf8').replace('nightly', 'naughty')));
      const deleted = await backup(id, 7);
      await owned.repository.tombstone({
        ...{ instanceId: id, backupId: deleted.id, by: 'test', at: instant, platformId: owned.platformId },
      });
      const broken = await backup(id, 8);
      const mark = { backupId: broken.id, by: 'test', epoch: 1 };
      await owned.repository.addMark({ ...mark, kind: 'broken', at: new Date(at(9)) });
      await writeAttempt(owned, newPlace(id));
      expect(await surveyed(id)).toMatchObject({ lastBackupId: good.id });

      await owned.repository.addMark({ ...mark, kind: 'verified', at: new Date(at(10)) });
      expect(await surveyed(id)).toMatchObject({ lastBackupId: broken.id });
    });

    test('says why an instance is stale whose newer backups do not count', async () => {
      const id = await instance({ max_age: 3600 });
      const whole = await backup(id, 1);
      const copying = await backup(id, 29.9);
      const inQuorum = new Survey(owned.repository, async ({ backupId }) => backupId !== copying.id);
      const verdict = await surveyed(id, inQuorum);
      expect(verdict).toMatchObject({ stale: true, lastBackupId: whole.id, cause: 'damaged' });
      expect(verdict.reason).toMatch(
        /; a newer one is damaged, being deleted, or not in enough repositories$/,
      );
    });

    test('takes back what it knew of a backup that is deleted meanwhile', async () => {
      const id = await instance({ max_age: 3600 });
      await backup(id, 1);
      const newest = await backup(id, 29.5);
      const survey = new Survey(owned.repository);
      expect(await surveyed(id, survey)).toMatchObject({ stale: false });
      await owned.repository.tombstone({
        ...{ instanceId: id, backupId: newest.id, by: 'test', at: instant, platformId: owned.platformId },
      });
      expect(await surveyed(id, survey)).toMatchObject({ stale: true });
    });

    test('reads nothing again where nothing is new, and one list more where it looks for a backup', async () => {
      const { store: counting, calls } = counted(store);
      const survey = new Survey(await Repository.open(counting, owned.keys));
      await survey.refresh();
      for (const { id } of survey.instances) await survey.look(id);
      const [first] = survey.instances;
      if (first === undefined) throw new Error('there are instances');
      for (const call of Object.keys(calls)) delete calls[call];
      await survey.refresh();
      // Instances, schedules, and whether it is a repository at all.
      expect(calls).toEqual({ list: 2, read: 1 });
      const known = survey.found(first.id)?.good;
      await survey.look(first.id);
      expect(calls.listFolders).toBe(1);
      expect(survey.found(first.id)?.good).toEqual(known);
    });

    test('keeps what it knows where the store fails', async () => {
      const id = await instance({ max_age: 3600 });
      let gone = false;
      const failing = new Proxy(store, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property, target);
          if (gone && property === 'list') throw new Error('the store is gone');
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const survey = new Survey(await Repository.open(failing, owned.keys));
      await survey.refresh();
      await survey.look(id);
      gone = true;
      await expect(survey.refresh()).rejects.toThrow('the store is gone');
      expect(survey.has(id)).toBe(true);
      const [record] = survey.instances.filter((each) => each.id === id);
      if (record === undefined) throw new Error('it is known');
      const verdict = judge(survey, record, { now: Date.parse(at(2)), storeProblem: 'the store is gone' });
      expect(verdict).toMatchObject({ stale: true, cause: 'store' });
      expect(
        judge(survey, record, { now: Date.parse(at(1.1)), storeProblem: 'the store is gone' }).stale,
      ).toBe(false);
    });
  });
}
