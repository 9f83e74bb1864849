import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowedSecrets, allowSecret } from '../../config/allowed-secrets.ts';
import { createSecretFile, replaceSecretFile } from '../../repository/key-file.ts';
import { Repository } from '../../repository/repository.ts';
import { ObjectExistsError, type Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { writePrivateFile } from '../../worker/private-file.ts';
import { type PowerCutFs, startPowerCutFs, whyNoFuse } from '../servers/power-cut.ts';
import {
  bytesOf as bytesOfStream,
  draftOf,
  instant,
  newKeys,
  newPlace,
  signal,
  writeAttempt,
} from './repository-fixture.ts';
import { bytesOf, collect, sendPart } from './stores.ts';

const why = whyNoFuse();
if (why !== null) process.stdout.write(`power cuts are not tested here: ${why}\n`);

const PART = 70_000;

/**
 * What a call does, and what has to be true after a power cut in it. Every instant between two changes of the disk is
 * tried, each with nothing that was not synced, and with a part of it by the fall of a coin.
 */
interface Cut<T> {
  /** Before the power is cut, synced or not: as another process, or an earlier call, left it. */
  prepare?: (round: string) => Promise<T>;
  call(round: string, prepared: T): Promise<unknown>;
  /** @param done whether the call had returned before the cut */
  check(round: string, done: boolean, prepared: T): Promise<void>;
  /** Most changes between two cuts. Default: every instant. */
  stride?: number;
}

describe.skipIf(why !== null)('after a power cut', () => {
  let disk: PowerCutFs;
  let root: string;

  beforeAll(async () => {
    disk = await startPowerCutFs();
    root = join(disk.directory, 'repository');
  });
  afterAll(() => disk?.stop());

  const openHere = () => openStore({ type: 'filesystem', path: root });

  /** Cuts at each instant until the call ends before the cut; returns how many instants there were. */
  async function cutEverywhere<T>({ prepare, call, check, stride = 1 }: Cut<T>): Promise<number> {
    let instants = 0;
    for (const survivors of ['none', 'some'] as const) {
      // Other instants the second time, where not every one is tried.
      const first = survivors === 'none' ? 1 : 1 + (stride >> 1);
      for (let after = first, done = false; !done; after += stride) {
        const round = `${survivors}-${after}`;
        const prepared = (await prepare?.(round)) as T;
        await disk.cut(after);
        try {
          await call(round, prepared);
          done = (await disk.state()).powered;
          // The last change was made, the answer came, then the power went.
          const returned = true;
          await disk.cut();
          await disk.reboot(survivors === 'some' ? after : undefined);
          await check(round, returned, prepared);
        } catch (error) {
          if ((await disk.state()).powered) throw error;
          await disk.reboot(survivors === 'some' ? after : undefined);
          await check(round, false, prepared);
        }
        instants += 1;
      }
    }
    return instants;
  }

  async function contentOf(store: Store, key: string): Promise<Buffer | null> {
    const found = await store.stat(key);
    return found === null ? null : await store.read(key);
  }

  test('an object is whole if its creation returned, and absent or whole if not', async () => {
    const body = bytesOf(150_000);
    const instants = await cutEverywhere({
      call: async (round) => await (await openHere()).create(`created/${round}/a/b`, body),
      check: async (round, done) => {
        const store = await openHere();
        const found = await contentOf(store, `created/${round}/a/b`).catch((error: unknown) => {
          // The whole root may have gone.
          if (done) throw error;
          return null;
        });
        if (done) expect(found, round).not.toBeNull();
        if (found !== null) expect(found.equals(body), round).toBe(true);
        // What it left can be removed, and its name used again.
        if (found === null) {
          await store.create(`created/${round}/a/b`, body);
          for (const write of await collect(store.listUnfinished(''))) await store.abortUnfinished(write);
        }
        expect((await store.read(`created/${round}/a/b`)).equals(body)).toBe(true);
      },
    });
    expect(instants).toBeGreaterThan(20);
  });

  test('an object in parts is whole if its completion returned, and absent or whole if not', async () => {
    const body = bytesOf(2 * PART + 77);
    await cutEverywhere({
      call: async (round) => {
        const writer = await (await openHere()).createMultipart(`parts/${round}/object`);
        try {
          for (const number of [2, 3, 1]) {
            await sendPart(writer, number, PART, body.subarray((number - 1) * PART, number * PART));
          }
          await writer.complete();
        } finally {
          await writer.abort().catch(() => {});
        }
      },
      check: async (round, done) => {
        const found = await contentOf(await openHere(), `parts/${round}/object`);
        if (done) expect(found, round).not.toBeNull();
        if (found !== null) expect(found.equals(body), round).toBe(true);
      },
    });
  });

  test('a creation that met its own object, of which nobody was told, has made it durable', async () => {
    await cutEverywhere({
      // Cut in the first creation without a power cut: only its process is gone, and nothing of it is synced for sure.
      prepare: async (round) => {
        const store = await openHere();
        await store.create(`met/${round}/before`, bytesOf(3));
      },
      call: async (round) => {
        const store = await openHere();
        await store.create(`met/${round}/object`, bytesOf(1000));
        await expect(store.create(`met/${round}/object`, bytesOf(1000))).rejects.toThrow(ObjectExistsError);
      },
      check: async (round, done) => {
        const found = await contentOf(await openHere(), `met/${round}/object`);
        if (done) expect(found).not.toBeNull();
        expect(await contentOf(await openHere(), `met/${round}/before`)).toEqual(bytesOf(3));
      },
    });
  });

  test('an object whose removal returned stays away, also beside another removal that took its directory', async () => {
    await cutEverywhere({
      prepare: async (round) => {
        const store = await openHere();
        for (const name of ['a', 'b']) await store.create(`removed/${round}/deep/${name}`, bytesOf(9));
      },
      call: async (round) => {
        const store = await openHere();
        await Promise.all(['a', 'b'].map((name) => store.delete(`removed/${round}/deep/${name}`)));
      },
      check: async (round, done) => {
        const store = await openHere();
        for (const name of ['a', 'b']) {
          const found = await contentOf(store, `removed/${round}/deep/${name}`);
          if (done) expect(found, round).toBeNull();
          if (found !== null) expect(found).toEqual(bytesOf(9));
        }
      },
    });
  });

  test('the first object of a repository brings the root and the directories above it with it', async () => {
    await cutEverywhere({
      call: async (round) => {
        const store = await openStore({
          type: 'filesystem',
          path: join(disk.directory, round, 'new', 'root'),
        });
        await store.create('backupctl.json', bytesOf(10));
      },
      check: async (round, done) => {
        if (!done) return;
        expect(readFileSync(join(disk.directory, round, 'new', 'root', 'backupctl.json'))).toEqual(
          bytesOf(10),
        );
      },
    });
  });

  test('a root that was made by somebody who was killed is as durable as one’s own', async () => {
    await cutEverywhere({
      prepare: async (round) =>
        void (await mkdir(join(disk.directory, 'made', round, 'root'), { recursive: true })),
      call: async (round) => {
        const store = await openStore({
          type: 'filesystem',
          path: join(disk.directory, 'made', round, 'root'),
        });
        await store.create('backupctl.json', bytesOf(10));
      },
      check: async (round, done) => {
        if (!done) return;
        expect(readFileSync(join(disk.directory, 'made', round, 'root', 'backupctl.json'))).toEqual(
          bytesOf(10),
        );
      },
    });
  });

  test('a committed backup verifies to its last byte, and one that was not is no backup', async () => {
    const keys = await newKeys();
    const store = await openHere();
    await Repository.init(store, keys, { now: instant });
    const platformId = randomUUID();
    const open = async () => await Repository.open(await openHere(), keys);
    await (await open()).claimEpoch({ platformId, platform: 'test', now: instant });
    const { PartPool } = await import('../../repository/part-pool.ts');
    const pool = new PartPool(3, 5 * 2 ** 20);
    const instants = await cutEverywhere({
      stride: 5,
      prepare: async () => newPlace(),
      call: async (_, place) => {
        const repository = await open();
        const written = await writeAttempt({ repository, keys, platformId, pool }, place, { size: 20_000 });
        await repository.commit(draftOf(place, written), platformId);
      },
      check: async (round, done, place) => {
        const repository = await open();
        expect(await repository.assertOwner(platformId)).toMatchObject({ epoch: 1 });
        const found = (await collect(repository.backups({ instanceId: place.instanceId }))).filter(
          ({ manifest }) => manifest?.id === place.backupId,
        );
        if (done) expect(found, round).toHaveLength(1);
        const [backup] = found;
        if (backup?.manifest === undefined) return;
        for (const object of backup.manifest.objects) {
          const bytes = await bytesOfStream(await repository.store.openRead(object.key));
          expect(bytes.length, round).toBe(object.sealed_size);
        }
        const problems = await collect(repository.verify(place, { data: true, signal }));
        expect(problems, round).toEqual([]);
      },
    });
    expect(instants).toBeGreaterThan(15);
  });

  test('an epoch or a mark counts once it was taken or added, and is never half', async () => {
    const keys = await newKeys();
    const place = join(disk.directory, 'epochs');
    const open = async () =>
      await Repository.open(await openStore({ type: 'filesystem', path: place }), keys);
    await Repository.init(await openStore({ type: 'filesystem', path: place }), keys, { now: instant });
    let newest = 0;
    await cutEverywhere({
      prepare: async () => randomUUID(),
      call: async (_, platformId) =>
        await (await open()).claimEpoch({ platformId, platform: 'test', now: instant }),
      check: async (_, done, platformId) => {
        const epoch = await (await open()).newestEpoch();
        if (done) expect(epoch).toMatchObject({ platform_id: platformId });
        expect(epoch?.epoch ?? 0).toBeGreaterThanOrEqual(newest);
        newest = epoch?.epoch ?? 0;
      },
    });
    await cutEverywhere({
      prepare: async () => randomUUID(),
      call: async (_, backupId) => {
        const repository = await open();
        await repository.addMark({ backupId, kind: 'hold', at: instant, by: 'test', epoch: newest });
      },
      check: async (_, done, backupId) => {
        const marks = await (await open()).marks(backupId);
        if (done) expect(marks).toHaveLength(1);
      },
    });
  });

  test('the files of a platform keep what they were told, and are never half', async () => {
    const at = (round: string, name: string) => join(disk.directory, 'files', round, name);
    const text = (name: string) => {
      try {
        return readFileSync(name, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    };
    const folder = async (round: string) => {
      const store = await openStore({ type: 'filesystem', path: at(round, '') });
      // Makes the directory, durably.
      await store.create('there', bytesOf(1));
    };
    await cutEverywhere({
      prepare: folder,
      call: async (round) => writePrivateFile(at(round, 'platform-id'), 'some id\n'),
      check: async (round, done) =>
        expect(text(at(round, 'platform-id'))).toBeOneOf(done ? ['some id\n'] : ['some id\n', null]),
    });
    await cutEverywhere({
      prepare: async (round) => {
        await folder(`replaced-${round}`);
        writePrivateFile(at(`replaced-${round}`, 'platform.json'), 'old');
        await createSecretFile(at(`replaced-${round}`, 'identity.txt'), 'old');
      },
      call: async (round) => {
        writePrivateFile(at(`replaced-${round}`, 'platform.json'), 'new and longer');
        await replaceSecretFile(at(`replaced-${round}`, 'identity.txt'), 'new and longer');
      },
      check: async (round, done) => {
        for (const name of ['platform.json', 'identity.txt']) {
          const allowed = done ? ['new and longer'] : ['new and longer', 'old'];
          expect(text(at(`replaced-${round}`, name)), round).toBeOneOf(allowed);
        }
      },
    });
    await cutEverywhere({
      prepare: (round) => folder(`secrets-${round}`),
      call: async (round) => {
        await createSecretFile(at(`secrets-${round}`, 'key.pem'), 'secret');
        await allowSecret(at(`secrets-${round}`, ''), { file: '/run/secrets/one' });
        await allowSecret(at(`secrets-${round}`, ''), { file: '/run/secrets/two' });
      },
      check: async (round, done) => {
        expect(text(at(`secrets-${round}`, 'key.pem'))).toBeOneOf(done ? ['secret'] : ['secret', null]);
        const allowed = await allowedSecrets(at(`secrets-${round}`, ''));
        if (done) expect(allowed).toEqual([{ file: '/run/secrets/one' }, { file: '/run/secrets/two' }]);
      },
    });
  });
});
