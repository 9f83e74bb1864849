import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { adoptStore } from '../../repository/adoption.ts';
import { committedBackups } from '../../repository/committed.ts';
import { type CopyOutcome, copyBackup, discardCopy } from '../../repository/copying.ts';
import { layout } from '../../repository/layout.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { mirrorMarks, mirrorRevisions } from '../../repository/mirroring.ts';
import { PartPool } from '../../repository/part-pool.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type HttpProxy, startHttpProxy } from '../servers/http-proxy.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { until } from '../servers/wait.ts';
import { collect, instant, makeBackup, newPlace, type Owned, ownedRepository } from './repository-fixture.ts';
import { keysOf, s3Config } from './stores.ts';

const PART = 5 * 2 ** 20;
let directory: string;
let owned: Owned;
let source: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backupctl-test-copying-'));
  owned = await ownedRepository(await openStore({ type: 'filesystem', path: join(directory, 'primary') }));
  source = owned.repository;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** An empty store, adopted and claimed. */
async function copyIn(store: Store): Promise<Repository> {
  await adoptStore(store, source);
  const copy = await Repository.open(store, owned.keys);
  await copy.claimEpoch({ platformId: owned.platformId, platform: 'test', now: instant });
  return copy;
}

const directoryCopy = async () =>
  copyIn(await openStore({ type: 'filesystem', path: join(directory, 'copy') }));

function copying(
  to: Repository,
  { id, instance }: Manifest,
  options: { signal?: AbortSignal; said?: string[]; onBytes?: (out: number) => void } = {},
): Promise<CopyOutcome> {
  return copyBackup(source, to, {
    instanceId: instance.id,
    backupId: id,
    platformId: owned.platformId,
    pool: new PartPool(3, PART),
    reserve: 0,
    signal: options.signal ?? new AbortController().signal,
    onProgress: ({ bytesOut }) => options.onBytes?.(bytesOut),
    say: (message) => options.said?.push(message),
  });
}

async function expectSameBytes(to: Repository, prefix: string): Promise<void> {
  const keys = await keysOf(source.store, prefix);
  expect(await keysOf(to.store, prefix)).toEqual(keys);
  for (const key of keys)
    expect((await to.store.read(key)).equals(await source.store.read(key)), key).toBe(true);
}

const fileOf = (key: string) => join(directory, 'primary', key);
const folderOf = ({ id, instance }: Manifest) => layout.backup(instance.id, id);

describe('a copy of a backup', () => {
  test('has the same names and the same bytes, and is opened by its own repository', async () => {
    const { manifest } = await makeBackup(owned, { size: 3_000_000, segmentPlain: 1_000_000 });
    await source.addMark({ backupId: manifest.id, kind: 'hold', at: instant, by: 'test', epoch: 1 });
    await source.pin({ backupId: manifest.id, holder: 'copy/x', by: 'test', at: instant });
    const copy = await directoryCopy();
    expect(await copying(copy, manifest)).toMatchObject({ outcome: 'copied', objects: 5 });
    await expectSameBytes(copy, folderOf(manifest));
    expect((await copy.backup(manifest.id)).manifest).toEqual(manifest);
    const findings = copy.verify(manifest, { data: true, signal: new AbortController().signal });
    expect(await collect(findings)).toEqual([]);
    expect((await copy.marks(manifest.id)).map(({ kind }) => kind)).toEqual(['hold']);
    expect([...(await committedBackups(copy.store)).keys()]).toEqual([manifest.id]);
    expect(await copying(copy, manifest)).toMatchObject({ outcome: 'recognised' });
  });

  test('takes objects that are there for its own when their hashes fit, and replaces damaged ones', async () => {
    const { manifest } = await makeBackup(owned, { size: 2_000_000, segmentPlain: 700_000 });
    const copy = await directoryCopy();
    const [right, wrong] = manifest.objects.map(({ key }) => key) as [string, string];
    await copy.store.create(right, await source.store.read(right));
    const damaged = await source.store.read(wrong);
    damaged.writeUInt8(damaged.readUInt8(99) ^ 1, 99);
    await copy.store.create(wrong, damaged);
    const said: string[] = [];
    await copying(copy, manifest, { said });
    expect(said).toContain(`${right} is there already, with the right hash`);
    expect(said.join('\n')).not.toContain(wrong);
    await expectSameBytes(copy, folderOf(manifest));
  });

  test('never becomes one when the source turns out to be damaged, and leaves nothing behind', async () => {
    const { manifest } = await makeBackup(owned, { size: 3 * PART });
    const [object] = manifest.objects;
    if (object === undefined) throw new Error('the backup has no object');
    const bytes = await readFile(fileOf(object.key));
    bytes.writeUInt8(bytes.readUInt8(2 * PART) ^ 1, 2 * PART);
    await writeFile(fileOf(object.key), bytes);
    const copy = await directoryCopy();
    await expect(copying(copy, manifest)).rejects.toMatchObject({
      code: 'corrupt',
      retryable: false,
      message: expect.stringContaining(object.key),
    });
    expect(await keysOf(copy.store, layout.backups)).toEqual([]);
    expect(await collect(copy.store.listUnfinished(''))).toEqual([]);
  });

  test('has to wait for what it is built on, the oldest first', async () => {
    const first = await makeBackup(owned);
    const grown = async (parent: { manifest: Manifest; sha256: string }) =>
      makeBackup(owned, {
        place: newPlace(parent.manifest.instance.id),
        changes: { kind: 'incremental', parent_id: parent.manifest.id, parent_sha256: parent.sha256 },
      });
    const second = await grown(first);
    const third = await grown(second);
    const copy = await directoryCopy();
    expect(await copying(copy, third.manifest)).toEqual({ parents: [first.manifest.id, second.manifest.id] });
    expect(await keysOf(copy.store, layout.backups)).toEqual([]);
    await copying(copy, first.manifest);
    expect(await copying(copy, third.manifest)).toEqual({ parents: [second.manifest.id] });
    await copying(copy, second.manifest);
    expect(await copying(copy, third.manifest)).toMatchObject({ outcome: 'copied' });
    await expectSameBytes(copy, layout.backups);
  });

  test('is refused where the copy is no longer ours, also when that changes while the bytes are on their way', async () => {
    const { manifest } = await makeBackup(owned);
    const copy = await directoryCopy();
    const strangers = { platformId: randomUUID(), platform: 'elsewhere', now: instant };
    let claimed: Promise<unknown> | undefined;
    const onBytes = () => {
      claimed ??= copy.claimEpoch(strangers);
    };
    await expect(copying(copy, manifest, { onBytes })).rejects.toMatchObject({
      code: 'refused',
      retryable: false,
    });
    await claimed;
    expect((await committedBackups(copy.store)).size).toBe(0);
    await expect(copying(copy, manifest)).rejects.toThrow('owned by elsewhere');
    await expect(discardCopy(copy.store, newPlace(), owned.platformId)).rejects.toMatchObject({
      code: 'refused',
    });
  });

  test('is refused for a backup that is being deleted, is gone, or has another manifest there', async () => {
    const [tombstoned, gone, other] = [
      await makeBackup(owned),
      await makeBackup(owned),
      await makeBackup(owned),
    ];
    const copy = await directoryCopy();
    await source.tombstone({
      backupId: tombstoned.manifest.id,
      instanceId: tombstoned.manifest.instance.id,
      by: 'test',
      at: instant,
      platformId: owned.platformId,
    });
    await expect(copying(copy, tombstoned.manifest)).rejects.toThrow('is being deleted');
    await rm(fileOf(layout.manifest(gone.manifest.instance.id, gone.manifest.id)));
    await expect(copying(copy, gone.manifest)).rejects.toMatchObject({ code: 'refused' });
    const key = layout.manifest(other.manifest.instance.id, other.manifest.id);
    await copy.store.create(key, Buffer.from('{}'));
    await expect(copying(copy, other.manifest)).rejects.toMatchObject({ code: 'conflict' });
    expect((await copy.store.read(key)).toString()).toBe('{}');
    expect(await keysOf(copy.store, layout.backups)).toEqual([key]);
  });

  test('that is given up is removed with its uploads; one that has its manifest is not', async () => {
    const [half, whole] = [await makeBackup(owned, { size: 3 * PART }), await makeBackup(owned)];
    const copy = await directoryCopy();
    await copying(copy, whole.manifest);
    const stop = new AbortController();
    const onBytes = (out: number) => {
      if (out >= PART) stop.abort(new Error('stopped'));
    };
    await expect(copying(copy, half.manifest, { signal: stop.signal, onBytes })).rejects.toThrow('stopped');
    expect(await collect(copy.store.listUnfinished(layout.backups))).toHaveLength(1);
    const placeOf = ({ id, instance }: Manifest) => ({ instanceId: instance.id, backupId: id });
    expect(await discardCopy(copy.store, placeOf(half.manifest), owned.platformId)).toMatchObject({
      uploads: 1,
    });
    expect(await discardCopy(copy.store, placeOf(whole.manifest), owned.platformId)).toEqual({
      objects: 0,
      uploads: 0,
    });
    expect(await collect(copy.store.listUnfinished(layout.backups))).toEqual([]);
    await expectSameBytes(copy, folderOf(whole.manifest));
    expect(await keysOf(copy.store, folderOf(half.manifest))).toEqual([]);
  });

  test('is followed by marks and revisions, byte by byte, and nothing there is ever replaced', async () => {
    const { manifest } = await makeBackup(owned);
    const copy = await directoryCopy();
    await source.addMark({ backupId: manifest.id, kind: 'tombstone', at: instant, by: 'test', epoch: 1 });
    const id = randomUUID();
    for (const revision of [1, 2])
      await source.putRevision('schedules', id, revision, Buffer.from(`${revision}`));
    await copy.store.create(layout.schedule(id, 2), Buffer.from('other'));
    expect(await mirrorMarks(source.store, copy.store)).toEqual({ written: 1, different: [] });
    expect(await mirrorRevisions(source.store, copy.store)).toEqual({ written: 1, different: [] });
    await expectSameBytes(copy, layout.marks);
    expect((await copy.store.read(layout.schedule(id, 2))).toString()).toBe('other');
    expect(await mirrorMarks(source.store, copy.store)).toEqual({ written: 0, different: [] });
  });
});

describe('a copy in a bucket', () => {
  let server: S3Server;
  let proxy: HttpProxy;

  beforeAll(async () => {
    server = await startS3();
    proxy = await startHttpProxy(server.endpoint);
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  test('goes on part by part after a cut, and sends nothing twice that the store has confirmed', async () => {
    const { manifest } = await makeBackup(owned, { size: 5 * PART });
    const store = await openStore({ ...s3Config(server, proxy.endpoint), prefix: 'cut' });
    const copy = await copyIn(store);
    const parts = () =>
      proxy.requests
        .filter(({ method, url }) => method === 'PUT' && url.includes('partNumber='))
        .map(({ url }) => Number(/partNumber=(\d+)/.exec(url)?.[1]));
    const stop = new AbortController();
    const onBytes = (out: number) => {
      if (out >= 2 * PART) stop.abort(new Error('the worker is gone'));
    };
    await expect(copying(copy, manifest, { signal: stop.signal, onBytes })).rejects.toThrow(
      'the worker is gone',
    );
    const sentBefore = parts();
    expect(await collect(store.listUnfinished(''))).toHaveLength(1);
    expect((await committedBackups(store)).size).toBe(0);

    const said: string[] = [];
    await copying(copy, manifest, { said });
    const all = parts();
    const sentAfter = all.slice(sentBefore.length);
    expect(sentBefore.length).toBeGreaterThanOrEqual(2);
    expect(sentAfter.length).toBeGreaterThan(0);
    expect(sentAfter.filter((number) => sentBefore.includes(number))).toEqual([]);
    expect([...new Set(all)].sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(said.join('\n')).toContain('went on with an upload that had been cut');
    await expectSameBytes(copy, folderOf(manifest));
    expect(await collect(store.listUnfinished(''))).toEqual([]);
    await store.close();
  });

  test('is left at once when it is cancelled while a part hangs, whatever it waits for', {
    timeout: 30_000,
  }, async () => {
    const store = await openStore({ ...s3Config(server, proxy.endpoint), prefix: 'hangs' });
    const copy = await copyIn(store);
    for (const [size, part] of [
      [2 * PART, 'partNumber=3&'],
      [7 * PART, 'partNumber=1&'],
    ] as const) {
      const { manifest } = await makeBackup(owned, { size });
      const isHung = ({ url }: { url: string }) => url.includes(part) && url.includes(manifest.id);
      proxy.fault(isHung, { kind: 'hang' }, 100);
      const stop = new AbortController();
      const copied = copying(copy, manifest, { signal: stop.signal });
      copied.catch(() => {});
      await until(() => proxy.requests.some(isHung), { what: 'the part to hang' });
      stop.abort(new Error('cancelled'));
      await expect(copied).rejects.toThrow('cancelled');
      expect(
        (
          await discardCopy(
            store,
            { instanceId: manifest.instance.id, backupId: manifest.id },
            owned.platformId,
          )
        ).uploads,
      ).toBe(1);
    }
    proxy.heal();
    expect(await collect(store.listUnfinished(''))).toEqual([]);
    await store.close();
  });

  test('knows its manifest again when the answer to it was lost', async () => {
    const { manifest } = await makeBackup(owned);
    const store = await openStore({ ...s3Config(server, proxy.endpoint), prefix: 'lost' });
    const copy = await copyIn(store);
    proxy.fault(({ method, url }) => method === 'PUT' && url.includes('/manifest.json'), {
      kind: 'lose-answer',
    });
    expect(await copying(copy, manifest)).toMatchObject({ outcome: 'copied' });
    await expectSameBytes(copy, folderOf(manifest));
    await store.close();
  });
});
