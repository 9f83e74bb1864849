import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { layout } from '../../repository/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { openStore } from '../../repository/stores/open.ts';
import { startProxy } from '../servers/proxy.ts';
import { startS3 } from '../servers/s3.ts';
import {
  collect,
  draftOf,
  makeBackup,
  newPlace,
  ownedRepository,
  signal,
  writeAttempt,
} from './repository-fixture.ts';
import { s3Config } from './stores.ts';

/** Every file below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Damages a file, looks whether anybody notices, and mends it, in place: a server keeps what it knows of an object
 * beside the bytes.
 */
async function whileDamaged(
  path: string,
  damage: { flip: number } | { cut: number },
  look: () => Promise<void>,
): Promise<void> {
  const original = readFileSync(path);
  if ('flip' in damage) overwrite(path, damage.flip, Buffer.from([(original[damage.flip] ?? 0) ^ 0x01]));
  else truncateSync(path, damage.cut);
  try {
    await look();
  } finally {
    if ('flip' in damage) overwrite(path, damage.flip, original.subarray(damage.flip, damage.flip + 1));
    else overwrite(path, damage.cut, original.subarray(damage.cut));
  }
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  try {
    writeSync(fd, bytes, 0, bytes.length, at);
    if (bytes.length > 4096) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Flips and cuts every byte of a backup, one at a time, and returns those that `verify` did not name.
 */
async function unnoticed(
  repository: Repository,
  folder: string,
  place: { instanceId: string; backupId: string },
  data: boolean,
): Promise<{ missed: string[]; calls: number }> {
  const missed: string[] = [];
  let calls = 0;
  for (const path of filesBelow(folder)) {
    const name = path.slice(folder.length + 1);
    for (let at = 0; at < statSync(path).size; at += 1) {
      for (const damage of [{ flip: at }, { cut: at }]) {
        calls += 1;
        await whileDamaged(path, damage, async () => {
          const findings = await collect(repository.verify(place, { data, signal }));
          if (findings.length === 0) missed.push(`${name}: ${JSON.stringify(damage)}`);
        });
      }
    }
  }
  return { missed, calls };
}

describe('damage', () => {
  test('to any byte of a backup on a file system is found by verify, without reading what is inside', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backupctl-damage-'));
    const store = await openStore({ type: 'filesystem', path: join(folder, 'repository') });
    try {
      const { repository, ...owned } = await ownedRepository(store);
      const { manifest } = await makeBackup({ repository, ...owned }, { size: 100 });
      const place = { instanceId: manifest.instance.id, backupId: manifest.id };
      const root = join(folder, 'repository', layout.backup(place.instanceId, place.backupId));
      const { missed, calls } = await unnoticed(repository, root, place, false);
      expect(missed).toEqual([]);
      expect(calls).toBeGreaterThan(5000);
      expect(await collect(repository.verify(place, { data: true, signal }))).toEqual([]);
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);

  test('to any byte of a backup on S3 is found by verify --data', async () => {
    const server = await startS3();
    const store = await openStore(s3Config(server));
    try {
      const { repository, ...owned } = await ownedRepository(store);
      const { manifest } = await makeBackup({ repository, ...owned }, { size: 20 });
      const place = { instanceId: manifest.instance.id, backupId: manifest.id };
      const root = join(
        server.directory,
        server.bucket,
        'some/prefix',
        layout.backup(place.instanceId, place.backupId),
      );
      const { missed, calls } = await unnoticed(repository, root, place, true);
      expect(missed).toEqual([]);
      expect(calls).toBeGreaterThan(5000);
      expect(await collect(repository.verify(place, { data: true, signal }))).toEqual([]);
    } finally {
      await store.close();
      await server.stop();
    }
  }, 480_000);

  test('that is an object too many, or one that is missing, is named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backupctl-damage-'));
    const store = await openStore({ type: 'filesystem', path: join(folder, 'repository') });
    try {
      const owned = await ownedRepository(store);
      const { manifest } = await makeBackup(owned);
      const [first] = manifest.objects;
      const stray = `${layout.data(manifest.instance.id, manifest.id)}stray.age`;
      await store.create(stray, Buffer.from('x'));
      await store.delete(first?.key ?? '');
      for (const data of [false, true]) {
        expect(await collect(owned.repository.verify(manifest, { data, signal }))).toEqual([
          { key: first?.key, problem: 'is missing' },
          { key: stray, problem: 'is not listed in the manifest' },
        ]);
      }
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('inside of an object that was sealed well, to its compression, is found by verify --data', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backupctl-damage-'));
    const store = await openStore({ type: 'filesystem', path: join(folder, 'repository') });
    try {
      const owned = await ownedRepository(store);
      const place = newPlace();
      const attempt = owned.repository.beginAttempt({ ...place, pool: owned.pool });
      const { compressed, source } = await import('./repository-fixture.ts');
      // A zstd that was killed in the middle of a frame, which everybody after it took for the end.
      const objects = await attempt.write('cut.zst', source(compressed(5000).subarray(0, 3000)), { signal });
      const { manifest } = await owned.repository.commit(
        draftOf(place, { attempt, objects, plain: Buffer.alloc(0) }),
        owned.platformId,
      );
      expect(await collect(owned.repository.verify(manifest, { data: false, signal }))).toEqual([]);
      expect(await collect(owned.repository.verify(manifest, { data: true, signal }))).toMatchObject([
        { key: objects[0]?.key, problem: expect.stringMatching(/zstd/) },
      ]);
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('a lost answer', () => {
  test('to the PUT of the manifest is recognised as our own', async () => {
    const server = await startS3();
    const proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    const store = await openStore(s3Config(server, `http://127.0.0.1:${proxy.port}`));
    try {
      const owned = await ownedRepository(store);
      const place = newPlace();
      const draft = draftOf(place, await writeAttempt(owned, place));
      const fault = proxy.inject({ action: 'drop-response', when: /PUT [^ ]*\/manifest\.json/, times: 1 });
      const first = await owned.repository.commit(draft, owned.platformId);
      expect(fault.hits).toBe(1);
      expect(first.outcome).toBe('recognised');
      expect(first.manifest.attempt_id).toBe(draft.attempt_id);
      expect(await collect(owned.repository.verify(place, { data: true, signal }))).toEqual([]);
    } finally {
      await store.close();
      await proxy.stop();
      await server.stop();
    }
  });

  test('to the PUT of any other object of a backup does not disturb it', async () => {
    const server = await startS3();
    const proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    const store = await openStore(s3Config(server, `http://127.0.0.1:${proxy.port}`));
    try {
      const owned = await ownedRepository(store);
      for (const what of [/PUT [^ ]*\.0000\.age/, /PUT [^ ]*index\.json/, /PUT [^ ]*\.sig/]) {
        const fault = proxy.inject({ action: 'drop-response', when: what, times: 1 });
        const { manifest } = await makeBackup(owned);
        expect(fault.hits).toBe(1);
        expect(await collect(owned.repository.verify(manifest, { data: true, signal }))).toEqual([]);
      }
    } finally {
      await store.close();
      await proxy.stop();
      await server.stop();
    }
  });
});
