import {
  ListObjectVersionsCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectRecord } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type HttpProxy, startHttpProxy } from '../servers/http-proxy.ts';
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
import { keysOf, s3Config } from './stores.ts';

const day = 86_400_000;
const isHolderAlive = async () => true;

/** A bucket of versitygw with object lock, and a repository in it. */
function inBucket(lock: NonNullable<Parameters<typeof startS3>[0]>['lock']) {
  const place = {} as { server: S3Server; proxy: HttpProxy; client: S3Client; store: Store; owned: Owned };
  beforeAll(async () => {
    place.server = await startS3({ lock });
    place.proxy = await startHttpProxy(place.server.endpoint);
    place.client = place.server.client();
    place.store = await openStore(s3Config(place.server, place.proxy.endpoint));
    place.owned = await ownedRepository(place.store);
  });
  afterAll(async () => {
    await place.store?.close();
    place.client?.destroy();
    await place.proxy?.close();
    await place.server?.stop();
  });
  return place;
}

/** Tombstones a backup and sweeps without any grace. */
async function deleted(owned: Owned, manifest: { id: string; instance: { id: string } }, now = instant) {
  const { repository, platformId } = owned;
  const place = { instanceId: manifest.instance.id, backupId: manifest.id };
  await repository.tombstone({ ...place, by: 'test', at: instant, platformId });
  return repository.deleteTombstoned({ grace: 0, now, platformId, isHolderAlive });
}

describe('a repository in a bucket whose rule holds every object', () => {
  const bucket = inBucket({ mode: 'COMPLIANCE', days: 3 });

  test('knows so, and says in each manifest until when all of it is held', async () => {
    expect(await bucket.store.protection()).toEqual({
      versioning: 'on',
      objectLock: true,
      retention: { mode: 'compliance', days: 3 },
    });
    const before = Date.now();
    const { manifest } = await makeBackup(bucket.owned);
    const until = Date.parse(manifest.retain_until ?? '');
    // The server counts in whole seconds.
    expect(until).toBeGreaterThanOrEqual(before + 3 * day - 1000);
    expect(until).toBeLessThanOrEqual(Date.now() + 3 * day);
    expect(await collect(bucket.owned.repository.verify(manifest, { data: true, signal }))).toEqual([]);
  });

  test('a deleted backup keeps every byte while the store holds it, is named with the date, and nothing is tried', async () => {
    const { manifest } = await makeBackup(bucket.owned);
    const keys = await keysOf(bucket.store, `backups/${manifest.instance.id}/`);
    bucket.proxy.requests.length = 0;
    const swept = await deleted(bucket.owned, manifest);
    expect(swept.deleted).toEqual([]);
    const kept = swept.kept.find(({ backupId }) => backupId === manifest.id);
    expect(kept?.reason).toMatch(/^the store holds it until 20\d\d-.*\(object lock, compliance\)$/);
    expect(await keysOf(bucket.store, `backups/${manifest.instance.id}/`)).toEqual(keys);
    expect(bucket.proxy.requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
  });

  test('what lost or was given up stays in sight for a later sweep, and disturbs nobody', async () => {
    const { owned, store } = bucket;
    const place = newPlace();
    const won = await writeAttempt(owned, place);
    const lost = await writeAttempt(owned, place);
    await won.attempt.writeIndex('draft', { note: 'draft' });
    await owned.repository.commit(draftOf(place, won), owned.platformId);
    const discard = {
      ...place,
      except: won.attempt.id,
      platformId: owned.platformId,
      by: 'test',
      at: instant,
    };
    const outcome = await owned.repository.discardAttempts(discard);
    expect(outcome).toMatchObject({ attempts: [], objects: 0, held: lost.objects.length });
    expect(await keysOf(store, lost.attempt.prefix)).toHaveLength(lost.objects.length);
    const found = await owned.repository.leftovers({ before: new Date(Date.now() + day) });
    expect(found.map(({ backupId }) => backupId)).toContain(place.backupId);
  });

  test('pieces of a log that are merged go out of sight', async () => {
    const { repository } = bucket.owned;
    const id = crypto.randomUUID();
    const log = repository.log(id);
    log.append({ message: 'one' });
    await log.flush();
    await repository.finishLog(id);
    expect(await keysOf(bucket.store, `executions/${id}/`)).toEqual([`executions/${id}/log.ndjson`]);
    expect((await repository.readLog(id)).lines).toEqual(['{"message":"one"}']);
  });

  test('a hidden object is written anew for who heals, and never one that is in sight', async () => {
    const { store } = bucket;
    const key = 'executions/superseded';
    await store.create(key, Buffer.from('wrong'));
    const healing = store.superseding();
    await expect(healing.create(key, Buffer.from('right'))).rejects.toThrow('exists already');
    await store.delete(key);
    expect(await store.stat(key)).toBeNull();
    await healing.create(key, Buffer.from('right'));
    expect(String(await store.read(key))).toBe('right');
    const writer = await healing.createMultipart(key);
    const { sendPart } = await import('./stores.ts');
    await sendPart(writer, 1, 5, Buffer.from('third'));
    await expect(writer.complete()).rejects.toThrow('exists already');
    await writer.abort();
    await store.delete(key);
    const again = await healing.createMultipart(key);
    await sendPart(again, 1, 5, Buffer.from('third'));
    await again.complete();
    expect(String(await store.read(key))).toBe('third');
  });

  test('where nobody may ask for the rule, that is no error, and a refusal is named', async () => {
    const { server, proxy, owned } = bucket;
    const isLockQuestion = ({ url }: { url: string }) =>
      url.includes('?object-lock') || url.includes('&object-lock');
    proxy.fault(isLockQuestion, { kind: 'answer', status: 403, body: accessDenied }, 99);
    const store = await openStore(s3Config(server, proxy.endpoint));
    const repository = await Repository.open(store, owned.keys);
    const blind = { ...owned, repository };
    expect(await store.protection()).toMatchObject({ objectLock: null, retention: null });
    const { manifest } = await makeBackup(blind);
    expect(manifest.retain_until).toBeNull();
    const { deleted: gone, kept } = await deleted(blind, manifest);
    proxy.heal();
    await store.close();
    expect(gone).toEqual([]);
    expect(kept.find(({ backupId }) => backupId === manifest.id)?.reason).toMatch(/access denied/i);
  });
});

describe('a repository in a bucket where objects are held one by one', () => {
  const bucket = inBucket('without a rule');

  const hold = async ({ key }: ObjectRecord, until: Date) => {
    await bucket.client.send(
      new PutObjectRetentionCommand({
        Bucket: bucket.server.bucket,
        Key: `some/prefix/${key}`,
        Retention: { Mode: 'GOVERNANCE', RetainUntilDate: until },
      }),
    );
  };

  test('the manifest has the earliest end, and none where one object is not held', async () => {
    const { owned } = bucket;
    const place = newPlace();
    const written = await writeAttempt(owned, place);
    const [first, second] = written.objects as [ObjectRecord, ObjectRecord];
    const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + day);
    await hold(first, new Date(soon.getTime() + day));
    const { manifest: free } = await makeBackup(owned);
    expect(free.retain_until).toBeNull();
    await hold(second, soon);
    const outcome = await owned.repository.commit(draftOf(place, written), owned.platformId);
    expect(outcome.manifest.retain_until).toBe(soon.toISOString());
    const { deleted: gone, kept } = await deleted(owned, outcome.manifest);
    expect(gone).toEqual([]);
    // All of it has to be free before any of it goes: the latest end.
    expect(kept[0]?.reason).toContain(new Date(soon.getTime() + day).toISOString());
  });

  test('what nothing holds is deleted with all its versions, and a legal hold is named', async () => {
    const { owned, client, server } = bucket;
    const { manifest } = await makeBackup(owned);
    const object = manifest.objects[0] as ObjectRecord;
    const legal = (Status: 'ON' | 'OFF') =>
      client.send(
        new PutObjectLegalHoldCommand({
          Bucket: server.bucket,
          Key: `some/prefix/${object.key}`,
          LegalHold: { Status },
        }),
      );
    await legal('ON');
    const { kept } = await deleted(owned, manifest);
    expect(kept.find(({ backupId }) => backupId === manifest.id)?.reason).toContain('legal hold');
    await legal('OFF');
    const swept = await deleted(owned, manifest);
    expect(swept.deleted.map(({ backupId }) => backupId)).toEqual([manifest.id]);
    const listed = await client.send(
      new ListObjectVersionsCommand({
        Bucket: server.bucket,
        Prefix: `some/prefix/backups/${manifest.instance.id}/`,
      }),
    );
    expect(listed.Versions ?? []).toEqual([]);
  });
});

const accessDenied =
  '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';
