import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { adoptStore } from '../../repository/adoption.ts';
import { copyBackup } from '../../repository/copying.ts';
import { type HealRequest, healBackup } from '../../repository/healing.ts';
import type { Manifest, ObjectRecord } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { collect, instant, makeBackup, type Owned, ownedRepository, signal } from './repository-fixture.ts';
import { keysOf, s3Config } from './stores.ts';

let folder: string;
let owned: Owned;
let copy: Repository;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-test-healing-'));
  owned = await ownedRepository(await openStore({ type: 'filesystem', path: join(folder, 'primary') }));
  copy = await copyIn(await openStore({ type: 'filesystem', path: join(folder, 'offsite') }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function copyIn(store: Store): Promise<Repository> {
  await adoptStore(store, owned.repository);
  const opened = await Repository.open(store, owned.keys);
  await opened.claimEpoch({ platformId: owned.platformId, platform: 'test', now: instant });
  return opened;
}

async function inBoth(to = copy): Promise<Manifest> {
  const { manifest } = await makeBackup(owned, { size: 300_000, segmentPlain: 200_000 });
  await copyBackup(owned.repository, to, {
    ...{ ...place(manifest), platformId: owned.platformId, pool: owned.pool, reserve: 0, signal },
    onProgress: () => {},
    say: () => {},
  });
  return manifest;
}

const place = ({ id, instance }: Manifest) => ({ instanceId: instance.id, backupId: id });
const object = (manifest: Manifest, index = 0) => manifest.objects[index] as ObjectRecord;
const manifestKey = ({ id, instance }: Manifest) => `backups/${instance.id}/${id}/manifest.json`;
const requestFor = (manifest: Manifest): HealRequest => ({
  ...{ ...place(manifest), platformId: owned.platformId, pool: owned.pool, signal },
  onProgress: () => {},
  say: () => {},
});
const primary = () => ({ name: 'primary', repository: owned.repository });
const offsite = () => ({ name: 'offsite', repository: copy });
const healPrimary = (manifest: Manifest) => healBackup(primary(), [offsite()], requestFor(manifest));
const healCopy = (manifest: Manifest) => healBackup(offsite(), [primary()], requestFor(manifest));
const verify = (repository: Repository, manifest: Manifest) =>
  collect(repository.verify(manifest, { data: true, signal }));

async function flip(repository: 'primary' | 'offsite', key: string, at = 0.5): Promise<void> {
  const path = join(folder, repository, key);
  const bytes = await readFile(path);
  const index = Math.floor((bytes.length - 1) * at);
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

describe('healing', () => {
  test('of a backup that is whole changes nothing', async () => {
    const manifest = await inBoth();
    const outcome = await healCopy(manifest);
    expect(outcome).toEqual({ checked: manifest.objects.length + 2, objects: [], lost: false });
  });

  test.each([
    ['the first repository from a copy', 'primary' as const, healPrimary],
    ['a copy from the first repository', 'offsite' as const, healCopy],
  ])(
    'brings back what is flipped, missing, cut and unsigned in %s, and no object that was right is touched',
    async (_, name, heal) => {
      const manifest = await inBoth();
      const at = (key: string) => join(folder, name, key);
      const repository = name === 'primary' ? owned.repository : copy;
      const signature = (await keysOf(repository.store, `backups/${manifest.instance.id}/`)).find((key) =>
        key.endsWith('.sig'),
      );
      await flip(name, object(manifest, 0).key);
      await rm(at(object(manifest, 1).key));
      await writeFile(at(manifestKey(manifest)), 'nothing');
      await rm(at(signature ?? ''));
      const { objects } = await heal(manifest);
      const from = name === 'primary' ? 'offsite' : 'primary';
      expect(objects.map(({ key, from }) => [key, from])).toEqual([
        [object(manifest, 0).key, from],
        [object(manifest, 1).key, from],
        [signature, from],
        [manifestKey(manifest), from],
      ]);
      expect(objects[0]?.problem).toContain('SHA-256 differs');
      expect(objects[1]?.problem).toBe('is missing');
      expect(await verify(repository, manifest)).toEqual([]);
      expect((await heal(manifest)).objects).toEqual([]);
    },
  );

  test('of what two repositories have damaged in different objects heals both', async () => {
    const manifest = await inBoth();
    await flip('primary', object(manifest, 0).key);
    await flip('offsite', object(manifest, 1).key);
    expect((await healPrimary(manifest)).objects).toMatchObject([{ from: 'offsite' }]);
    expect((await healCopy(manifest)).objects).toMatchObject([{ from: 'primary' }]);
    expect(await verify(owned.repository, manifest)).toEqual([]);
    expect(await verify(copy, manifest)).toEqual([]);
  });

  test('removes nothing where no repository has the object right, heals the rest, and says so', async () => {
    const manifest = await inBoth();
    const { key } = object(manifest, 0);
    await flip('primary', key, 0.3);
    await flip('offsite', key, 0.7);
    await rm(join(folder, 'offsite', object(manifest, 1).key));
    await rm(join(folder, 'offsite', manifestKey(manifest)));
    const before = await readFile(join(folder, 'offsite', key));
    const { objects, lost } = await healCopy(manifest);
    expect(lost).toBe(true);
    expect(objects).toMatchObject([
      { key, from: null, reason: /primary: is damaged.*; nothing was removed/ },
      { key: object(manifest, 1).key, from: 'primary' },
      // A manifest says that all of it is there.
      { key: manifestKey(manifest), from: null, reason: /not right/ },
    ]);
    expect((await readFile(join(folder, 'offsite', key))).equals(before)).toBe(true);
  });

  test('believes no manifest that was forged, and changes nothing without one', async () => {
    const manifest = await inBoth();
    for (const name of ['primary', 'offsite']) {
      const path = join(folder, name, manifestKey(manifest));
      await writeFile(path, String(await readFile(path)).replace('"nightly"', '"forged!"'));
    }
    await rm(join(folder, 'offsite', object(manifest).key));
    await expect(healCopy(manifest)).rejects.toMatchObject({
      code: 'corrupt',
      message: /nothing was removed/,
    });
    expect(await copy.store.stat(object(manifest).key)).toBeNull();
  });

  test('goes on where it was cut off between the removal and the copy', async () => {
    const manifest = await inBoth();
    await flip('offsite', object(manifest, 0).key);
    await flip('offsite', object(manifest, 1).key);
    const stop = new AbortController();
    const say = (line: string) => {
      if (line.includes('copied anew')) stop.abort(new Error('cut off'));
    };
    const cut = { ...requestFor(manifest), signal: stop.signal, say };
    await expect(healBackup(offsite(), [primary()], cut)).rejects.toThrow('cut off');
    expect((await healCopy(manifest)).objects.map(({ key }) => key)).toEqual([object(manifest, 1).key]);
    expect(await verify(copy, manifest)).toEqual([]);
  });

  test('is refused in a repository of another platform, and of a backup that is being deleted', async () => {
    const manifest = await inBoth();
    await flip('offsite', object(manifest).key);
    const stranger = { ...requestFor(manifest), platformId: crypto.randomUUID() };
    await expect(healBackup(offsite(), [primary()], stranger)).rejects.toMatchObject({ code: 'refused' });
    await owned.repository.tombstone({
      ...{ ...place(manifest), by: 'test', at: instant, platformId: owned.platformId },
    });
    await expect(healCopy(manifest)).rejects.toMatchObject({ code: 'refused', message: /being deleted/ });
  });
});

describe('healing in a bucket', () => {
  let server: S3Server | undefined;
  afterEach(() => server?.stop());

  test.each([
    ['that keeps versions', { versioning: true }, 0],
    ['that holds every version by object lock', { lock: { mode: 'COMPLIANCE' as const, days: 1 } }, 1],
  ])('%s supersedes the wrong version', async (_, options, kept) => {
    server = await startS3(options);
    const store = await openStore(s3Config(server));
    const bucket = await copyIn(store);
    const manifest = await inBoth(bucket);
    const { key } = object(manifest);
    // Somebody with the right to write there, and without our habits.
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const client = server.client();
    const Key = `some/prefix/${key}`;
    await client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body: 'wrong' }));
    const target = { name: 'bucket', repository: bucket };
    const { objects } = await healBackup(target, [primary()], requestFor(manifest));
    expect(objects).toMatchObject([{ key, from: 'primary', problem: /^has 5 bytes/ }]);
    expect(await verify(bucket, manifest)).toEqual([]);
    const listed = await client.send(new ListObjectVersionsCommand({ Bucket: server.bucket, Prefix: Key }));
    // The right one before, the wrong one and the new one; or the new one alone.
    expect(listed.Versions).toHaveLength(1 + 2 * kept);
    client.destroy();
    await store.close();
  });
});
