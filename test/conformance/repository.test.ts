import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { createKeys, newestRecipient, rotateKeys, trustedIn } from '../../repository/keys.ts';
import { layout } from '../../repository/layout.ts';
import { FORMAT } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';
import {
  bytesOf,
  collect,
  compressed,
  draftOf,
  instant,
  makeBackup,
  newKeys,
  newPlace,
  type Owned,
  ownedRepository,
  signal,
  source,
  writeAttempt,
} from './repository-fixture.ts';
import { keysOf, places, type StorePlace } from './stores.ts';

for (const name of ['filesystem', 's3'] as const) {
  describe(`a repository on the ${name} store`, () => {
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

    describe('as a whole', () => {
      test('is made once: whoever makes it again gets what is there', async () => {
        const again = await Repository.init(store, await newKeys(), { now: new Date() });
        expect(again).toEqual(repository.document);
        expect(again).toMatchObject({ format: FORMAT, recipients: owned.keys.recipients });
        expect(await keysOf(store, 'probes/')).toEqual([]);
      });

      test('has one owner: of ten that claim it at once, each gets another epoch or is told of a conflict', async () => {
        const before = (await repository.newestEpoch())?.epoch ?? 0;
        const claims = await Promise.allSettled(
          Array.from({ length: 10 }, (_, n) =>
            repository.claimEpoch({ platformId: randomUUID(), platform: `rival ${n}`, now: instant }),
          ),
        );
        const won = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value.epoch] : []));
        expect(new Set(won).size).toBe(won.length);
        expect(Math.min(...won)).toBe(before + 1);
        for (const claim of claims) {
          if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ code: 'conflict' });
        }
        const refusal = repository.assertOwner(owned.platformId);
        await expect(refusal).rejects.toMatchObject({ code: 'refused', retryable: false });
        await expect(refusal).rejects.toThrow(/rival/);
        await repository.claimEpoch({ platformId: owned.platformId, platform: 'test', now: instant });
        expect((await repository.assertOwner(owned.platformId)).platform_id).toBe(owned.platformId);
      });
    });

    describe('writing a backup', () => {
      test('cuts a stream into segments that are age files of their own, and gives the bytes back', async () => {
        const { manifest, plain } = await makeBackup(owned, { size: 3_000_000, segmentPlain: 1_000_000 });
        const data = manifest.objects.filter(({ role }) => role === 'data');
        expect(data.map(({ key }) => key.split('/').at(-1))).toEqual([
          'shop.pgc.zst.0000.age',
          'shop.pgc.zst.0001.age',
          'shop.pgc.zst.0002.age',
          'shop.pgc.zst.0003.age',
        ]);
        expect(data.map(({ plain_size }) => plain_size)).toEqual([1e6, 1e6, 1e6, plain.length - 3e6]);
        const stream = await repository.openStream(manifest, 'shop.pgc.zst', { signal });
        expect((await bytesOf(stream)).equals(plain)).toBe(true);
        expect(manifest.sealed_size).toBe(
          manifest.objects.reduce((sum, { sealed_size }) => sum + sealed_size, 0),
        );
      });

      test('makes no empty segment behind a stream that ends on the limit, and one for an empty stream', async () => {
        const attempt = repository.beginAttempt({ ...newPlace(), pool: owned.pool, segmentPlain: 1000 });
        const exact = await attempt.write('exact.zst', source([Buffer.alloc(700), Buffer.alloc(1300)]), {
          signal,
        });
        expect(exact.map(({ plain_size }) => plain_size)).toEqual([1000, 1000]);
        const empty = await attempt.write('empty.zst', source([]), { signal });
        expect(empty.map(({ plain_size }) => plain_size)).toEqual([0]);
        await attempt.discard();
        expect(await keysOf(store, attempt.prefix)).toEqual([]);
      });

      test('leaves nothing when the source ends cleanly and then says that it failed', async () => {
        const attempt = repository.beginAttempt({ ...newPlace(), pool: owned.pool, segmentPlain: 100_000 });
        const failure = new BackupctlError('failed', 'pg_dump ended with 1');
        const failing = {
          stream: Readable.from([compressed(250_000)]),
          finished: new Promise<void>((_, reject) => setTimeout(reject, 20, failure)),
        };
        await expect(attempt.write('shop.pgc.zst', failing, { signal })).rejects.toBe(failure);
        expect(await keysOf(store, attempt.prefix)).toEqual([]);
        expect(await collect(store.listUnfinished(attempt.prefix))).toEqual([]);
      });

      test('leaves nothing when fewer bytes were read than came, though everything ended well', async () => {
        const attempt = repository.beginAttempt({ ...newPlace(), pool: owned.pool });
        const bytes = compressed(5_000);
        const lossy = { ...source(bytes.subarray(100)), brought: () => bytes.length };
        await expect(attempt.write('shop.pgc.zst', lossy, { signal })).rejects.toMatchObject({
          code: 'failed',
          retryable: true,
        });
        expect(await keysOf(store, attempt.prefix)).toEqual([]);
      });

      test('leaves nothing when the stream breaks, and gives the reason of the source', async () => {
        const attempt = repository.beginAttempt({ ...newPlace(), pool: owned.pool });
        const reason = new BackupctlError('failed', 'zstd was killed');
        async function* breaking() {
          yield compressed(6 * 2 ** 20);
          throw new Error('Premature close');
        }
        const failing = {
          stream: Readable.from(breaking()),
          finished: new Promise<void>((_, reject) => setTimeout(reject, 20, reason)),
        };
        await expect(attempt.write('shop.pgc.zst', failing, { signal })).rejects.toBe(reason);
        expect(await keysOf(store, attempt.prefix)).toEqual([]);
        expect(await collect(store.listUnfinished(attempt.prefix))).toEqual([]);
      });

      test('leaves nothing when it is cancelled in the middle', async () => {
        const attempt = repository.beginAttempt({ ...newPlace(), pool: owned.pool });
        const cancel = new AbortController();
        async function* endless() {
          for (let n = 0; ; n += 1) {
            if (n === 7) cancel.abort(new BackupctlError('cancelled', 'enough'));
            yield Buffer.alloc(2 ** 20, n);
          }
        }
        const stream = Readable.from(endless());
        const running = attempt.write(
          'a.zst',
          { stream, finished: Promise.resolve() },
          { signal: cancel.signal },
        );
        await expect(running).rejects.toThrow(/enough/);
        expect(stream.destroyed).toBe(true);
        expect(await keysOf(store, attempt.prefix)).toEqual([]);
        expect(await collect(store.listUnfinished(attempt.prefix))).toEqual([]);
      });

      test('ends at once when it is cancelled while the source is silent, before and after its last byte', async () => {
        for (const ends of [false, true]) {
          const attempt = repository.beginAttempt({ ...newPlace(), pool: owned.pool });
          const cancel = new AbortController();
          const stream = new Readable({ read() {} });
          stream.push(Buffer.alloc(100));
          if (ends) stream.push(null);
          const silent = { stream, finished: new Promise<void>(() => {}) };
          setTimeout(() => cancel.abort(new BackupctlError('cancelled', 'enough')), 50);
          const running = attempt.write('a.zst', silent, { signal: cancel.signal });
          await expect(running).rejects.toMatchObject({ code: 'cancelled' });
          expect(stream.destroyed).toBe(true);
          expect(await keysOf(store, attempt.prefix)).toEqual([]);
        }
      });

      test('reports progress that ends at the bytes of the records', async () => {
        let last = { bytesIn: 0, bytesOut: 0, stream: '' };
        const attempt = repository.beginAttempt({
          ...newPlace(),
          pool: owned.pool,
          onProgress: (progress) => {
            last = progress;
          },
        });
        const [record] = await attempt.write('a.zst', source(compressed(6 * 2 ** 20)), { signal });
        expect(last).toEqual({ bytesIn: record?.plain_size, bytesOut: record?.sealed_size, stream: 'a.zst' });
        await attempt.discard();
      });

      test('hands a draft on to whoever has its hash, and to nobody who seals another', async () => {
        const ids = newPlace();
        const attempt = repository.beginAttempt({ ...ids, pool: owned.pool });
        const { sealed_sha256 } = await attempt.writeIndex('draft', { a: 1 });
        const read = (hash: string) => repository.readDraft(ids.instanceId, ids.backupId, attempt.id, hash);
        expect(await read(sealed_sha256)).toEqual({ a: 1 });
        await expect(read('0'.repeat(64))).rejects.toMatchObject({ code: 'corrupt' });
        await attempt.discard();
        await expect(read(sealed_sha256)).rejects.toMatchObject({ code: 'not-found' });
      });
    });

    describe('reading', () => {
      test('opens an index with the index identity alone, and data with it never', async () => {
        const { manifest } = await makeBackup(owned);
        const reader = await Repository.open(store, { ...owned.keys, identity: null, signingKey: null });
        expect(await reader.readIndex(manifest, 'index')).toEqual({ tables: ['orders'] });
        await expect(reader.openStream(manifest, 'shop.pgc.zst', { signal })).rejects.toMatchObject({
          code: 'credentials',
        });
        const index = owned.keys.indexIdentity;
        const wrong = await Repository.open(store, { ...owned.keys, identity: index });
        const stream = await wrong.openStream(manifest, 'shop.pgc.zst', { signal });
        await expect(bytesOf(stream)).rejects.toMatchObject({ code: 'credentials' });
      });

      test('lists newest first, and finds by id, name and INSTANCE@latest', async () => {
        const instanceId = randomUUID();
        const record = {
          id: instanceId,
          revision: 1,
          deleted: false,
          name: `find-${name}`,
          engine: 'postgres',
        };
        await repository.putInstance({
          ...record,
          url: 'postgres://u@h/d',
          password: null,
          task_queue: null,
          created_at: instant.toISOString(),
          updated_at: instant.toISOString(),
        });
        const made = [];
        for (const title of ['one', 'two', 'two', 'three']) {
          const { manifest } = await makeBackup(owned, {
            place: newPlace(instanceId),
            changes: { name: `${name} ${title}`, instance: { id: instanceId, name: record.name } },
          });
          made.push(manifest.id);
        }
        const listed = await collect(repository.backups({ instanceId }));
        expect(listed.map(({ manifest }) => manifest?.id)).toEqual([...made].reverse());
        const find = async (text: string, forDelete = false) =>
          (await repository.findBackup(text, { forDelete })).manifest.id;
        expect(await find(made[0]?.toUpperCase() ?? '')).toBe(made[0]);
        expect(await find(`${name} two`)).toBe(made[2]);
        expect(await find(`${record.name}@latest`)).toBe(made[3]);
        expect(await find(`${instanceId}@latest`)).toBe(made[3]);
        expect(await find(`${name} one`, true)).toBe(made[0]);
        await expect(find(`${name} two`, true)).rejects.toMatchObject({ code: 'ambiguous' });
        for (const nothing of [randomUUID(), 'no such name', 'nobody@latest']) {
          await expect(find(nothing)).rejects.toMatchObject({ code: 'not-found' });
        }
        await expect(find('')).rejects.toMatchObject({ code: 'usage' });
        await repository.tombstone({
          instanceId,
          backupId: made[3] ?? '',
          by: 'test',
          at: instant,
          platformId: owned.platformId,
        });
        expect(await find(`${record.name}@latest`)).toBe(made[2]);
      });

      test('yields a backup of an untrusted signer as damaged, and trusts several at once', async () => {
        const stranger = await newKeys();
        const theirs = await Repository.open(store, stranger);
        const { manifest, sha256 } = await makeBackup({ ...owned, repository: theirs, keys: stranger });
        const instanceId = manifest.instance.id;
        expect(await collect(repository.backups({ instanceId }))).toMatchObject([
          {
            damaged: {
              backupId: manifest.id,
              problem: expect.stringMatching(/not signed by a key that is trusted/),
            },
          },
        ]);
        await expect(repository.findBackup(manifest.id)).rejects.toMatchObject({ code: 'corrupt' });
        expect(await collect(repository.verify(manifest, { data: false, signal }))).toHaveLength(1);
        const trusting = await Repository.open(store, {
          ...owned.keys,
          trusted: [...owned.keys.trusted, ...stranger.trusted],
        });
        expect((await trusting.findBackup(manifest.id)).sha256).toBe(sha256);
      });

      test('names a manifest of a newer format, and lists the others', async () => {
        const { manifest } = await makeBackup(owned);
        const key = layout.manifest(manifest.instance.id, manifest.id);
        const { SigningKey, sha256 } = await import('../../repository/signing.ts');
        const text = (await store.read(key)).toString().replace('"format": 1', '"format": 2');
        const bytes = Buffer.from(text);
        await store.delete(key);
        const signature = new SigningKey(owned.keys.signingKey ?? '').sign(bytes);
        await store.create(layout.signature(manifest.instance.id, manifest.id, sha256(bytes)), signature);
        await store.create(key, bytes);
        expect(await collect(repository.backups({ instanceId: manifest.instance.id }))).toMatchObject([
          { damaged: { problem: expect.stringMatching(/has format 2; this program knows 1/) } },
        ]);
        await expect(repository.findBackup(manifest.id)).rejects.toMatchObject({ code: 'unsupported' });
      });

      test('exports what stock names say, and overwrites nothing', async () => {
        const { manifest, plain } = await makeBackup(owned, { size: 5000, segmentPlain: 2000 });
        const folder = await mkdtemp(join(tmpdir(), 'backupctl-export-'));
        try {
          const sealed = await repository.exportBackup(manifest, join(folder, 'sealed'), {
            unsealed: false,
            signal,
          });
          expect(
            sealed
              .map((path) =>
                path
                  .split('/')
                  .at(-1)
                  ?.replace(/[0-9a-f]{64}/, 'H'),
              )
              .sort(),
          ).toEqual([
            'index.json.zst.age',
            'manifest.H.sig',
            'manifest.json',
            'shop.pgc.zst.0000.age',
            'shop.pgc.zst.0001.age',
            'shop.pgc.zst.0002.age',
          ]);
          await repository.exportBackup(manifest, join(folder, 'open'), { unsealed: true, signal });
          expect((await readFile(join(folder, 'open', 'shop.pgc.zst'))).equals(plain)).toBe(true);
          const again = repository.exportBackup(manifest, join(folder, 'open'), { unsealed: true, signal });
          await expect(again).rejects.toMatchObject({ code: 'conflict' });
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      });
    });

    describe('committing', () => {
      test('is what makes a backup exist: before it there is none', async () => {
        const ids = newPlace();
        const written = await writeAttempt(owned, ids);
        expect(await collect(repository.backups({ instanceId: ids.instanceId }))).toEqual([]);
        await expect(repository.findBackup(ids.backupId)).rejects.toMatchObject({ code: 'not-found' });
        const outcome = await repository.commit(draftOf(ids, written), owned.platformId);
        expect(outcome.outcome).toBe('committed');
        expect(await collect(repository.backups({ instanceId: ids.instanceId }))).toHaveLength(1);
      });

      test('is recognised when it is done again', async () => {
        const ids = newPlace();
        const draft = draftOf(ids, await writeAttempt(owned, ids));
        const first = await repository.commit(draft, owned.platformId);
        const second = await repository.commit(draft, owned.platformId);
        expect([first.outcome, second.outcome]).toEqual(['committed', 'recognised']);
        expect(second.sha256).toBe(first.sha256);
      });

      test('lets one of two attempts win, and the other removes only its own', async () => {
        const ids = newPlace();
        const attempts = [await writeAttempt(owned, ids), await writeAttempt(owned, ids)] as const;
        const outcomes = await Promise.all(
          attempts.map((written) => repository.commit(draftOf(ids, written), owned.platformId)),
        );
        expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['committed', 'lost']);
        const winner = outcomes[0]?.outcome === 'committed' ? attempts[0] : attempts[1];
        const loser = winner === attempts[0] ? attempts[1] : attempts[0];
        for (const { manifest } of outcomes) expect(manifest.attempt_id).toBe(winner.attempt.id);
        await loser.attempt.discard();
        await expect(winner.attempt.discard()).rejects.toMatchObject({ code: 'refused' });
        expect(
          await collect(repository.verify(outcomes[0]?.manifest ?? ids, { data: true, signal })),
        ).toEqual([]);
      });

      test('of a zombie changes nothing once another attempt has committed', async () => {
        const ids = newPlace();
        const zombie = await writeAttempt(owned, ids);
        const retry = await writeAttempt(owned, ids);
        const first = await repository.commit(draftOf(ids, retry), owned.platformId);
        const before = await store.read(layout.manifest(ids.instanceId, ids.backupId));
        const late = await repository.commit(draftOf(ids, zombie), owned.platformId);
        expect(late).toMatchObject({ outcome: 'lost', sha256: first.sha256 });
        expect((await store.read(layout.manifest(ids.instanceId, ids.backupId))).equals(before)).toBe(true);
        await repository.discardAttempts({
          ...ids,
          except: null,
          platformId: owned.platformId,
          by: 'test',
          at: instant,
        });
        expect(await collect(repository.verify(ids, { data: true, signal }))).toEqual([]);
      });

      test('is refused when an object of the attempt is gone', async () => {
        const ids = newPlace();
        const written = await writeAttempt(owned, ids);
        await store.delete(written.objects[0]?.key ?? '');
        await expect(repository.commit(draftOf(ids, written), owned.platformId)).rejects.toThrow(/is gone/);
        expect(await store.stat(layout.manifest(ids.instanceId, ids.backupId))).toBeNull();
      });

      test('is refused when the epoch was lost, and leaves no manifest', async () => {
        const ids = newPlace();
        const written = await writeAttempt(owned, ids);
        const rival = randomUUID();
        await repository.claimEpoch({ platformId: rival, platform: 'rival', now: instant });
        try {
          const refused = repository.commit(draftOf(ids, written), owned.platformId);
          await expect(refused).rejects.toMatchObject({ code: 'refused', retryable: false });
          expect(await store.stat(layout.manifest(ids.instanceId, ids.backupId))).toBeNull();
        } finally {
          await repository.claimEpoch({ platformId: owned.platformId, platform: 'test', now: instant });
        }
      });

      test('is refused for a backup that was given up, whose bytes are gone', async () => {
        const ids = newPlace();
        const written = await writeAttempt(owned, ids);
        const outcome = await repository.discardAttempts({
          ...ids,
          except: null,
          platformId: owned.platformId,
          by: 'test',
          at: instant,
        });
        expect(outcome).toMatchObject({ attempts: [written.attempt.id], objects: 2, committed: null });
        await expect(repository.commit(draftOf(ids, written), owned.platformId)).rejects.toThrow();
        expect(await keysOf(store, layout.backup(ids.instanceId, ids.backupId))).toEqual([]);
      });
    });

    describe('instances', () => {
      const record = (id: string, title: string, revision = 1) => ({
        id,
        revision,
        deleted: false,
        name: title,
        engine: 'postgres',
        url: 'postgres://u@h/d',
        password: { file: '/run/secrets/x' },
        task_queue: null,
        created_at: instant.toISOString(),
        updated_at: instant.toISOString(),
      });

      test('are found by exact id or name, in their newest revision, until they are deleted', async () => {
        const id = randomUUID();
        await repository.putInstance(record(id, `orders-${name}`));
        await repository.putInstance({ ...record(id, `orders-${name}`, 2), url: 'postgres://u@other/d' });
        expect(await repository.instance(`orders-${name}`)).toMatchObject({
          id,
          url: 'postgres://u@other/d',
        });
        expect(await repository.instance(id)).toMatchObject({ revision: 2 });
        await expect(repository.instance(`orders-${name}`.slice(0, -1))).rejects.toMatchObject({
          code: 'not-found',
        });
        await repository.putInstance({ ...record(id, `orders-${name}`, 3), deleted: true });
        await expect(repository.instance(id)).rejects.toMatchObject({ code: 'not-found' });
      });

      test('a revision or a name that is taken is a conflict, but the same bytes again are not', async () => {
        const id = randomUUID();
        await repository.putInstance(record(id, `taken-${name}`));
        await repository.putInstance(record(id, `taken-${name}`));
        const other = { ...record(id, `taken-${name}`), url: 'postgres://u@else/d' };
        await expect(repository.putInstance(other)).rejects.toMatchObject({ code: 'conflict' });
        await expect(repository.putInstance(record(randomUUID(), `taken-${name}`))).rejects.toMatchObject({
          code: 'conflict',
        });
      });

      test('a name that two raced for is ambiguous, and both ids are named', async () => {
        const ids = [randomUUID(), randomUUID()];
        const { encode } = await import('../../repository/documents.ts');
        const { instanceSchema } = await import('../../repository/manifest.ts');
        for (const id of ids) {
          await store.create(layout.instance(id, 1), encode(instanceSchema, record(id, `twin-${name}`)));
        }
        const looking = repository.instance(`twin-${name}`);
        await expect(looking).rejects.toMatchObject({ code: 'ambiguous' });
        for (const id of ids)
          await expect(looking).rejects.toMatchObject({ hint: expect.stringContaining(id) });
      });
    });

    describe('exported schedules and workbooks', () => {
      test('are kept by revision, and the newest is found', async () => {
        const id = randomUUID();
        await repository.putRevision('schedules', id, 1, Buffer.from('{}'));
        await repository.putRevision('schedules', id, 10, Buffer.from('{"a":1}'));
        await repository.putRevision('schedules', id, 9, Buffer.from('{}'));
        const [newest] = (await repository.latestRevisions('schedules')).filter((found) => found.id === id);
        expect(newest?.revision).toBe(10);
        if (newest !== undefined) expect((await repository.readRevision(newest)).toString()).toBe('{"a":1}');
        await expect(repository.putRevision('schedules', id, 10, Buffer.from('{}'))).rejects.toMatchObject({
          code: 'conflict',
        });
        await repository.putRevision('workbooks', 'nightly', 1, Buffer.from('version: 2'));
        expect(await repository.latestRevisions('workbooks')).toMatchObject([{ id: 'nightly', revision: 1 }]);
      });
    });

    describe('logs of executions', () => {
      test('of two writers at once lose no line, and are one file in the end', async () => {
        const id = randomUUID();
        const writers = [repository.log(id), repository.log(id)];
        for (let n = 0; n < 5; n += 1) {
          for (const [index, writer] of writers.entries()) writer.append({ index, n });
          await Promise.all(writers.map((writer) => writer.flush()));
        }
        const before = await repository.readLog(id);
        expect(before.lines).toHaveLength(10);
        await repository.finishLog(id);
        await repository.finishLog(id);
        expect(await keysOf(store, `executions/${id}/`)).toEqual([layout.log(id)]);
        expect(await repository.readLog(id)).toEqual(before);
        expect(await repository.readLog(id, { offset: 7 })).toEqual({
          lines: before.lines.slice(7),
          next: 10,
        });
        expect(await repository.readLog(id, { offset: 99 })).toEqual({ lines: [], next: 99 });
        expect(await repository.readLog(randomUUID())).toEqual({ lines: [], next: 0 });
      });

      test('that were merged before a crash, or got a piece late, are read with each line once', async () => {
        const id = randomUUID();
        await store.create(layout.logPiece(id, 1), Buffer.from('{"n":1}\n'));
        await store.create(layout.log(id), Buffer.from('{"n":1}\n'));
        await store.create(layout.logPiece(id, 2), Buffer.from('{"n":2}\n'));
        expect((await repository.readLog(id)).lines).toEqual(['{"n":1}', '{"n":2}']);
        await repository.finishLog(id);
        expect((await repository.readLog(id)).lines).toEqual(['{"n":1}', '{"n":2}']);
        expect(await keysOf(store, `executions/${id}/`)).toEqual([layout.log(id), layout.logPiece(id, 2)]);
      });
    });

    describe('keys', () => {
      test('key-check says who opens what, and finds a recipient that is only offline', async () => {
        const fresh = await places.filesystem();
        const elsewhere = await fresh.open();
        try {
          const offline = await identityToRecipient(await generateX25519Identity());
          const keys = await newKeys();
          keys.recipients = [...keys.recipients, offline];
          const here = await ownedRepository(elsewhere, keys);
          const { manifest } = await makeBackup(here);
          const check = await here.repository.checkKeys();
          expect(check.signer).toBe(keys.trusted[0]);
          expect(check.recipients.map(({ role, identity_here }) => [role, identity_here])).toEqual([
            ['data', true],
            ['data', false],
            ['index', true],
          ]);
          expect(check.backups).toMatchObject([
            { backup_id: manifest.id, trusted: true, opens_data: true, opens_index: true, problem: null },
          ]);
          const stranger = await newKeys();
          const other = await Repository.open(elsewhere, { ...stranger, trusted: keys.trusted });
          expect((await other.checkKeys()).backups).toMatchObject([
            { trusted: true, opens_data: false, opens_index: false },
          ]);
        } finally {
          await elsewhere.close();
          await fresh.close();
        }
      });
    });
  });
}

describe('rotating keys', () => {
  test('leaves old backups readable, seals new ones to the new recipient, and the old keys trust no new signer', async () => {
    const place = await places.filesystem();
    const store = await place.open();
    const folder = await mkdtemp(join(tmpdir(), 'backupctl-rotation-'));
    try {
      const paths = {
        identity: join(folder, 'identity.txt'),
        indexIdentity: join(folder, 'index-identity.txt'),
        signingKey: join(folder, 'signing-key.pem'),
      };
      const load = async () => {
        const [identity, indexIdentity, signingKey] = await Promise.all(
          [paths.identity, paths.indexIdentity, paths.signingKey].map((path) => readFile(path, 'utf8')),
        );
        return {
          recipients: [newestRecipient(identity ?? '')],
          indexRecipients: [newestRecipient(indexIdentity ?? '')],
          identity: identity ?? '',
          indexIdentity: indexIdentity ?? '',
          signingKey: signingKey ?? '',
          trusted: trustedIn(identity ?? ''),
        };
      };
      await createKeys(paths, { now: instant });
      const before = await load();
      const owned = await ownedRepository(store, before);
      const old = await makeBackup(owned);
      await rotateKeys(paths, { now: instant, which: ['data', 'index', 'signing'] });
      const after = await load();
      const repository = await Repository.open(store, after);
      const fresh = await makeBackup({ ...owned, repository, keys: after });
      for (const { manifest } of [old, fresh]) {
        expect(await collect(repository.verify(manifest, { data: true, signal }))).toEqual([]);
      }
      expect(fresh.manifest.signed_by).not.toBe(old.manifest.signed_by);
      await expect(owned.repository.findBackup(fresh.manifest.id)).rejects.toMatchObject({ code: 'corrupt' });
      const trusting = await Repository.open(store, { ...before, trusted: after.trusted });
      const stream = await trusting.openStream(fresh.manifest, 'shop.pgc.zst', { signal });
      await expect(bytesOf(stream)).rejects.toMatchObject({ code: 'credentials' });
    } finally {
      await store.close();
      await place.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('opening a repository', () => {
  test('where there is none says so, and a newer format is read and not written', async () => {
    const place = await places.filesystem();
    const store = await place.open();
    try {
      const keys = await newKeys();
      await expect(Repository.open(store, keys)).rejects.toMatchObject({ code: 'not-found' });
      const document = { format: 2, id: randomUUID(), created_at: instant.toISOString(), recipients: [] };
      const newer = { ...document, index_recipients: [], something_new: true };
      await store.create(layout.repository, Buffer.from(JSON.stringify(newer)));
      const repository = await Repository.open(store, keys);
      expect(await collect(repository.backups())).toEqual([]);
      const writes = [
        () => repository.beginAttempt({ ...newPlace(), pool: {} as Owned['pool'] }),
        () => repository.claimEpoch({ platformId: randomUUID(), platform: 'x', now: instant }),
        () => repository.putRevision('workbooks', 'x', 1, Buffer.alloc(0)),
      ];
      for (const write of writes) expect(write).toThrow(/has format 2; this program writes 1/);
    } finally {
      await store.close();
      await place.close();
    }
  });
});
