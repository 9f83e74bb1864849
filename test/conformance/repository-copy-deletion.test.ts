import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adoptStore } from '../../repository/adoption.ts';
import { deleteInCopy } from '../../repository/copy-deletion.ts';
import { copyBackup } from '../../repository/copying.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import { openStore } from '../../repository/stores/open.ts';
import { instant, makeBackup, type Owned, ownedRepository, signal } from './repository-fixture.ts';
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
async function inBoth(): Promise<Manifest> {
  const { manifest } = await makeBackup(owned);
  await copyBackup(owned.repository, copy, {
    ...place(manifest),
    platformId: owned.platformId,
    pool: owned.pool,
    reserve: 0,
    signal,
    onProgress: () => {},
    say: () => {},
  });
  return manifest;
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
