import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import {
  collect,
  draftOf,
  instant,
  makeBackup,
  newPlace,
  type Owned,
  ownedRepository,
  signal,
  writeAttempt,
} from './repository-fixture.ts';
import { s3Config } from './stores.ts';

describe('a repository in a bucket that keeps versions', () => {
  let server: S3Server;
  let store: Store;
  let owned: Owned;

  beforeAll(async () => {
    server = await startS3({ versioning: true });
    store = await openStore(s3Config(server));
    owned = await ownedRepository(store);
  });
  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  /** Versions that hold bytes, markers of deletion left out. */
  const versionsBelow = async (prefix: string): Promise<string[]> => {
    const client = server.client();
    try {
      const listed = await client.send(
        new ListObjectVersionsCommand({ Bucket: server.bucket, Prefix: `some/prefix/${prefix}` }),
      );
      return (listed.Versions ?? []).map(({ Key }) => Key ?? '');
    } finally {
      client.destroy();
    }
  };

  test('names the version of every object in the manifest', async () => {
    const { manifest } = await makeBackup(owned);
    for (const { version_id } of manifest.objects) expect(version_id).toMatch(/./);
    expect(await collect(owned.repository.verify(manifest, { data: true, signal }))).toEqual([]);
  });

  test('deletes versions, not only names: no byte of a deleted backup is kept', async () => {
    const { manifest } = await makeBackup(owned);
    const folder = `backups/${manifest.instance.id}/${manifest.id}/`;
    expect(await versionsBelow(folder)).toHaveLength(4);
    const { platformId } = owned;
    const place = { instanceId: manifest.instance.id, backupId: manifest.id };
    await owned.repository.tombstone({ ...place, by: 'test', at: instant, platformId });
    const isHolderAlive = async () => true;
    await owned.repository.deleteTombstoned({
      grace: 0,
      now: instant,
      platformId,
      isHolderAlive,
      by: 'janitor',
    });
    expect(await versionsBelow(folder)).toEqual([]);
  });

  test('deletes a backup whose manifest names the versions of another bucket, as that of a copy does', async () => {
    const plain = await startS3();
    const elsewhere = await openStore(s3Config(plain));
    try {
      for (const at of [owned, await ownedRepository(elsewhere)]) {
        const place = newPlace();
        const written = await writeAttempt(at, place);
        const { platformId, repository } = at;
        for (const object of written.objects) object.version_id = 'Lm3.other_bucket';
        await repository.commit(draftOf(place, written), platformId);
        await repository.tombstone({ ...place, by: 'test', at: instant, platformId });
        const request = { grace: 0, now: instant, platformId, isHolderAlive: async () => true };
        expect(await repository.deleteTombstoned(request)).toEqual({ deleted: [place], kept: [] });
        expect(await collect(repository.store.list(`backups/${place.instanceId}/`))).toEqual([]);
        if (at === owned) expect(await versionsBelow(`backups/${place.instanceId}/`)).toEqual([]);
      }
    } finally {
      await elsewhere.close();
      await plain.stop();
    }
  });

  test('keeps no byte of an attempt that lost or was given up', async () => {
    const place = newPlace();
    const [won, lost] = [await writeAttempt(owned, place), await writeAttempt(owned, place)];
    await owned.repository.commit(draftOf(place, won), owned.platformId);
    await owned.repository.commit(draftOf(place, lost), owned.platformId);
    await lost.attempt.discard();
    expect(await versionsBelow(lost.attempt.prefix)).toEqual([]);
    const other = newPlace();
    const written = await writeAttempt(owned, other);
    await owned.repository.discardAttempts({
      ...other,
      except: null,
      platformId: owned.platformId,
      by: 'test',
      at: instant,
    });
    expect(await versionsBelow(written.attempt.prefix)).toEqual([]);
  });
});
