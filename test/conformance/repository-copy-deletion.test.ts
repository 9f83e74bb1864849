import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { adoptStore } from '../../repository/adoption.ts';
import { committedElsewhere } from '../../repository/committed.ts';
import type { RepositoryPlace } from '../../repository/copies.ts';
import { deleteInCopy } from '../../repository/copy-deletion.ts';
import { copyBackup } from '../../repository/copying.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import { openStore } from '../../repository/stores/open.ts';
import {
  instant,
  makeBackup,
  newPlace,
  type Owned,
  ownedRepository,
  signal,
  writeAttempt,
} from './repository-fixture.ts';
import { keysOf } from './stores.ts';

let folder: string;
let owned: Owned;
let copy: Repository;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-test-copy-deletion-'));
  owned = await ownedRepository(await openStore({ type: 'filesystem', path: join(folder, 'primary') }));
  const store = await openStore({ type: 'filesystem', path: join(folder, 'offsite') });
  await adoptStore(store, owned.repository);
  copy = await Repository.open(store, owned.keys);
  await copy.claimEpoch({ platformId: owned.platformId, platform: 'test', now: instant });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const later = new Date(instant.getTime() + 1000);
const place = ({ id, instance }: Manifest) => ({ instanceId: instance.id, backupId: id });

/** A backup in both repositories. */
async function inBoth(of = newPlace()): Promise<Manifest> {
  const { manifest } = await makeBackup(owned, { place: of });
  await toCopy(manifest);
  return manifest;
}

async function toCopy(manifest: Manifest): Promise<void> {
  await copyBackup(owned.repository, copy, {
    ...place(manifest),
    platformId: owned.platformId,
    pool: owned.pool,
    reserve: 0,
    signal,
    onProgress: () => {},
    say: () => {},
  });
}

const tombstone = (manifest: Manifest) =>
  owned.repository.tombstone({ ...place(manifest), by: 'test', at: instant, platformId: owned.platformId });
const sweepRequest = (alive = true) => ({
  grace: 0,
  now: later,
  platformId: owned.platformId,
  isHolderAlive: async () => alive,
});
const sweep = (alive = true) => deleteInCopy(owned.repository, copy, sweepRequest(alive));
const bytesIn = (repository: Repository, manifest: Manifest) =>
  keysOf(repository.store, `backups/${manifest.instance.id}/`);
const pin = { holder: 'restore/one', by: 'test', at: instant };

describe('what the first repository has lost the manifest of', () => {
  const asPlace = (name: string, repository: () => Promise<Repository>): RepositoryPlace => ({
    ...{ name, location: name, repository, writable: repository },
  });
  const giveUp = (manifest: Manifest, ...copies: RepositoryPlace[]) =>
    owned.repository.discardAttempts({
      ...{ ...place(manifest), except: null, platformId: owned.platformId, by: 'janitor', at: later },
      alsoKept: () => committedElsewhere(copies, place(manifest)),
    });

  test('is given up nowhere while a copy has it, or does not say whether it has', async () => {
    const manifest = await inBoth();
    const offsite = asPlace('offsite', async () => copy);
    const silent = asPlace('silent', async () => {
      throw new BackupctlError('unavailable', 'no answer');
    });
    const never = asPlace('never', async () => {
      throw new BackupctlError('not-found', 'there is no repository');
    });
    const { store } = owned.repository;
    await store.delete(`backups/${manifest.instance.id}/${manifest.id}/manifest.json`);
    const before = await bytesIn(owned.repository, manifest);
    await expect(giveUp(manifest, never, offsite)).rejects.toThrow(/offsite has it/);
    await expect(giveUp(manifest, never, silent)).rejects.toThrow(/silent has it is not known: no answer/);
    expect(await bytesIn(owned.repository, manifest)).toEqual(before);
    expect(await owned.repository.marks(manifest.id)).toEqual([]);
    expect((await sweep()).deleted).toEqual([]);
  });

  test('is given up where every copy says that it never was', async () => {
    const place = newPlace();
    await writeAttempt(owned, place);
    const request = { ...place, except: null, platformId: owned.platformId, by: 'janitor', at: later };
    const alsoKept = () => committedElsewhere([asPlace('offsite', async () => copy)], place);
    expect(await owned.repository.discardAttempts({ ...request, alsoKept })).toMatchObject({ objects: 2 });
  });
});

describe('what the first repository deletes', () => {
  test('goes from a copy by its tombstone there, which nobody had to mirror before, and once its grace is over', async () => {
    const manifest = await inBoth();
    await tombstone(manifest);
    const early = await deleteInCopy(owned.repository, copy, { ...sweepRequest(), grace: 60_000 });
    expect(early.kept).toMatchObject([{ backupId: manifest.id, reason: /grace period/, overdue: false }]);
    const { deleted, kept } = await sweep();
    expect([deleted, kept]).toEqual([[place(manifest)], []]);
    expect(await bytesIn(copy, manifest)).toEqual([]);
    expect((await copy.marks(manifest.id)).map(({ kind }) => kind)).toContain('tombstone');
  });

  test('goes from a copy that answers again when its bytes are long gone from the first', async () => {
    const manifest = await inBoth();
    await tombstone(manifest);
    await owned.repository.deleteTombstoned(sweepRequest());
    expect(await bytesIn(owned.repository, manifest)).toEqual([]);
    expect(await bytesIn(copy, manifest)).not.toEqual([]);
    expect((await sweep()).deleted).toEqual([place(manifest)]);
    expect(await bytesIn(copy, manifest)).toEqual([]);
  });

  test('stays in a copy while somebody reads it there, and goes once he is over', async () => {
    const manifest = await inBoth();
    await copy.pin({ ...pin, backupId: manifest.id });
    await tombstone(manifest);
    expect((await sweep()).kept).toMatchObject([{ reason: 'it is in use by restore/one', overdue: true }]);
    expect(await bytesIn(copy, manifest)).not.toEqual([]);
    expect((await sweep(false)).deleted).toEqual([place(manifest)]);
  });

  test('stays where it was taken back before the sweep, though the copy still has the tombstone alone', async () => {
    const manifest = await inBoth();
    await tombstone(manifest);
    await deleteInCopy(owned.repository, copy, { ...sweepRequest(), grace: 60_000 });
    await owned.repository.undelete({
      ...{ ...place(manifest), by: 'test', at: instant, platformId: owned.platformId },
    });
    const { deleted } = await sweep();
    expect(deleted).toEqual([]);
    expect(await bytesIn(copy, manifest)).not.toEqual([]);
    expect(await bytesIn(owned.repository, manifest)).not.toEqual([]);
  });

  test('a tombstone that stands in a copy alone removes nothing', async () => {
    const manifest = await inBoth();
    await copy.tombstone({ ...place(manifest), by: 'test', at: instant, platformId: owned.platformId });
    const { deleted, kept } = await sweep();
    expect(deleted).toEqual([]);
    expect(kept.find(({ backupId }) => backupId === manifest.id)?.reason).toBe(
      'the first repository does not delete it',
    );
    await copy.undelete({ ...place(manifest), by: 'test', at: instant, platformId: owned.platformId });
  });

  test('goes last from a copy that has nothing newer of the instance yet, and then at once', async () => {
    const instanceId = randomUUID();
    const older = await inBoth(newPlace(instanceId));
    const newest = await inBoth(newPlace(instanceId));
    const { manifest: next } = await makeBackup(owned, { place: newPlace(instanceId) });
    for (const manifest of [older, newest]) await tombstone(manifest);
    await owned.repository.deleteTombstoned(sweepRequest());
    const away = await sweep();
    expect(away.deleted).toEqual([place(older)]);
    const reason = 'no other backup of its instance has been copied there yet';
    expect(away.kept).toContainEqual({ ...place(newest), reason, overdue: true });
    await toCopy(next);
    expect((await sweep()).deleted).toEqual([place(newest)]);
  });

  test('an upload that nobody goes on with is given up, and one of a copy that is being made is not', async () => {
    const gone = await inBoth();
    const making = await makeBackup(owned);
    const begun = async (manifest: Manifest) => {
      const writer = await copy.store.createMultipart(
        `backups/${manifest.instance.id}/${manifest.id}/data/${manifest.attempt_id}/cut.zst.0000.age`,
      );
      await writer.suspend();
    };
    await begun(gone);
    await begun(making.manifest);
    const now = new Date(Date.now() + 60_000);
    const { uploads } = await deleteInCopy(owned.repository, copy, { ...sweepRequest(), now });
    expect(uploads).toBe(1);
    const left: string[] = [];
    for await (const { key } of copy.store.listUnfinished('')) left.push(key);
    expect(left).toEqual([expect.stringContaining(making.manifest.id)]);
  });

  test('removes nothing for a platform that has lost the first repository', async () => {
    const manifest = await inBoth();
    await tombstone(manifest);
    const platformId = randomUUID();
    await owned.repository.claimEpoch({ platformId, platform: 'other', now: instant });
    await expect(sweep()).rejects.toMatchObject({ code: 'refused' });
    expect(await bytesIn(copy, manifest)).not.toEqual([]);
    await owned.repository.claimEpoch({ platformId: owned.platformId, platform: 'test', now: instant });
  });
});
