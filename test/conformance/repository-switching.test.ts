import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectRecord } from '../../repository/manifest.ts';
import { ObjectSources, type SourceLeft } from '../../repository/object-sources.ts';
import { seal } from '../../repository/sealing/sealer.ts';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type HttpProxy, startHttpProxy } from '../servers/http-proxy.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { bytesOf, makeBackup, type Owned, ownedRepository, signal } from './repository-fixture.ts';
import { s3Config } from './stores.ts';

type Backup = Awaited<ReturnType<typeof makeBackup>>;

const chunk = 65536;
const sealedChunk = chunk + 16;

let folder: string;
let owned: Owned;
let backup: Backup;
let object: ObjectRecord;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-test-switching-'));
  const store = await openStore({ type: 'filesystem', path: join(folder, 'pristine') });
  owned = await ownedRepository(store);
  backup = await makeBackup(owned, { size: 6 * 1024 * 1024, segmentPlain: 4 * 1024 * 1024 });
  object = segments()[0] as ObjectRecord;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const segments = () => backup.manifest.objects.filter(({ role }) => role === 'data');
/** Where chunk `n` begins in a sealed object: header and nonce stand before the first. */
const chunkAt = (n: number) =>
  object.sealed_size - object.plain_size - 16 * Math.ceil(object.plain_size / chunk) + n * sealedChunk;

/** A copy of the pristine repository, and what happens to its files. */
async function copyOf(
  name: string,
  damage?: (path: (key: string) => string) => Promise<void>,
): Promise<Store> {
  const path = join(folder, name);
  await cp(join(folder, 'pristine'), path, { recursive: true });
  await damage?.((key) => join(path, key));
  return await openStore({ type: 'filesystem', path });
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

function sourcesOf(stores: Record<string, Store>, patience?: number) {
  const left: SourceLeft[] = [];
  const sources = new ObjectSources(
    Object.entries(stores).map(([name, store]) => ({ name, store: async () => store })),
    { onLeft: (one) => left.push(one), ...(patience === undefined ? {} : { patience }) },
  );
  return { sources, left };
}

async function read(sources: ObjectSources): Promise<Buffer> {
  const stream = await owned.repository.openStream(backup.manifest, 'shop.pgc.zst', { signal, sources });
  return bytesOf(stream);
}

describe('a stream whose nearest store is damaged goes on in the next one', () => {
  test.each<[string, (path: string) => Promise<void>, () => number, RegExp]>([
    ['in the header', (path) => flip(path, 3), () => 0, /not an age v1 file/],
    ['in the nonce', (path) => flip(path, chunkAt(0) - 1), () => 0, /cut or changed/],
    ['in the middle', (path) => flip(path, chunkAt(20) + 77), () => chunkAt(20), /cut or changed/],
    ['in the last chunk', (path) => flip(path, object.sealed_size - 1), () => chunkAt(63), /cut or changed/],
    [
      'by being cut',
      (path) => truncate(path, chunkAt(30) + 5),
      () => chunkAt(30),
      /bytes where the manifest/,
    ],
    ['by being gone', (path) => rm(path), () => 0, /is missing/],
    ['by what follows its end', (path) => writeFile(path, 'more', { flag: 'a' }), () => -1, /has more bytes/],
  ])('where it is damaged %s', async (what, damage, offset, reason) => {
    const near = await copyOf(`near ${what}`, (path) => damage(path(object.key)));
    const { sources, left } = sourcesOf({ near, far: owned.repository.store });
    expect((await read(sources)).equals(backup.plain)).toBe(true);
    expect(left).toHaveLength(1);
    expect(left[0]).toMatchObject({ name: 'near', key: object.key, next: 'far', silent: false });
    expect(left[0]?.reason).toMatch(reason);
    if (offset() >= 0) expect(left[0]?.offset).toBe(offset());
    else expect(left[0]?.offset).toBeGreaterThan(0);
  });

  test('two copies that are damaged in different places are one whole backup', async () => {
    const one = await copyOf('one', async (path) => {
      await flip(path(object.key), chunkAt(3));
      await flip(path(object.key), chunkAt(40));
    });
    const other = await copyOf('other', async (path) => {
      await flip(path(object.key), chunkAt(20));
      await rm(path(segments()[1]?.key ?? ''));
    });
    const { sources, left } = sourcesOf({ one, other });
    expect((await read(sources)).equals(backup.plain)).toBe(true);
    const steps = left.map(({ name, offset }) => [name, offset]);
    expect(steps).toEqual([
      ['one', chunkAt(3)],
      ['other', chunkAt(20)],
      ['one', chunkAt(40)],
    ]);
  });

  test('what is damaged everywhere is named with every store, and is the reason', async () => {
    const damage = (path: (key: string) => string) => flip(path(object.key), chunkAt(5));
    const one = await copyOf('bad one', damage);
    const other = await copyOf('bad other', (path) => rm(path(object.key)));
    const { sources } = sourcesOf({ one, other });
    await expect(read(sources)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/whole in no repository: one: .*cut or changed; other: .*is missing/),
    });
  });

  test('bytes that open and are not those that were signed end in an error, wherever they come from', async () => {
    const { sealed } = await seal(owned.keys.recipients, Buffer.alloc(object.plain_size, 1));
    expect(sealed.length).toBe(object.sealed_size);
    const forged = await copyOf('forged', (path) => writeFile(path(object.key), sealed));
    const { sources } = sourcesOf({ forged, far: owned.repository.store });
    await expect(read(sources)).rejects.toMatchObject({ code: 'corrupt', message: /SHA-256 differs/ });
  });

  test('an index and an export come from the store that has them right', async () => {
    const index = backup.manifest.objects.find(({ role }) => role === 'index') as ObjectRecord;
    const near = await copyOf('no index', async (path) => {
      await flip(path(index.key), index.sealed_size - 1);
      await flip(path(object.key), chunkAt(9));
    });
    const { sources, left } = sourcesOf({ near, far: owned.repository.store });
    const { repository } = owned;
    expect(await repository.readIndex(backup.manifest, 'index', { sources })).toEqual({ tables: ['orders'] });
    expect(left.map(({ key }) => key)).toEqual([index.key]);
    const directory = join(folder, 'export');
    const options = { unsealed: false, signal, sources };
    const files = await repository.exportBackup(backup.manifest, directory, options);
    expect(files).toHaveLength(segments().length + 3);
    for (const { key } of backup.manifest.objects) {
      const [there, written] = await Promise.all([
        owned.repository.store.read(key),
        readFile(join(directory, key.slice(key.lastIndexOf('/') + 1))),
      ]);
      expect(written.equals(there)).toBe(true);
    }
  });
});

describe('a stream whose nearest store stops answering', () => {
  let server: S3Server;
  let proxy: HttpProxy;
  let bucket: Store;

  beforeAll(async () => {
    server = await startS3();
    proxy = await startHttpProxy(server.endpoint);
    bucket = await openStore(s3Config(server, proxy.endpoint));
    for await (const { key } of owned.repository.store.list('')) {
      await bucket.create(key, await owned.repository.store.read(key));
    }
  });
  afterAll(async () => {
    await bucket?.close();
    await proxy?.close();
    await server?.stop();
  });

  const isGet = ({ method }: { method: string }) => method === 'GET';

  test('goes on where that fell silent, and asks it last from then on', async () => {
    proxy.fault((request) => isGet(request) && request.headers.range === undefined, {
      kind: 'cut-answer',
      after: 1024 * 1024,
    });
    proxy.fault((request) => isGet(request) && request.headers.range !== undefined, { kind: 'hang' }, 99);
    const { sources, left } = sourcesOf({ bucket, far: owned.repository.store }, 300);
    const before = proxy.requests.length;
    expect((await read(sources)).equals(backup.plain)).toBe(true);
    proxy.heal();
    expect(left).toHaveLength(1);
    expect(left[0]).toMatchObject({ name: 'bucket', next: 'far', silent: true });
    expect(left[0]?.reason).toContain('no byte came');
    // A chunk may still be on its way when the stream is given up.
    expect(left[0]?.offset).toBeGreaterThan(0);
    expect(left[0]?.offset).toBeLessThanOrEqual(1024 * 1024);
    // The second segment was not asked of it.
    const asked = proxy.requests.slice(before).map(({ url }) => url);
    expect(asked.filter((url) => url.includes(segments()[1]?.key ?? 'none'))).toEqual([]);
  });

  test('a bucket that is gone is left at once', async () => {
    proxy.fault(isGet, { kind: 'answer', status: 404, body: noSuchBucket }, 99);
    const { sources, left } = sourcesOf({ bucket, far: owned.repository.store });
    expect((await read(sources)).equals(backup.plain)).toBe(true);
    proxy.heal();
    expect(left.map(({ name, offset }) => [name, offset])).toEqual([['bucket', 0]]);
    expect(left[0]?.reason).toContain('no bucket');
  });

  test('a reader who takes his time is no silent store', async () => {
    const { sources, left } = sourcesOf({ bucket, far: owned.repository.store }, 300);
    const stream = await owned.repository.openStream(backup.manifest, 'shop.pgc.zst', { signal, sources });
    const pieces: Buffer[] = [];
    for await (const piece of stream) {
      if (pieces.length === 10) await new Promise((resolve) => setTimeout(resolve, 900));
      pieces.push(piece as Buffer);
    }
    expect(Buffer.concat(pieces).equals(backup.plain)).toBe(true);
    expect(left).toEqual([]);
  });
});

const noSuchBucket =
  '<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>';
