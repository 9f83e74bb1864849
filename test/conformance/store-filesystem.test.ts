import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PartPool } from '../../repository/part-pool.ts';
import { ObjectExistsError, type Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { Uploader } from '../../repository/uploader.ts';
import { unprivilegedAccount } from '../servers/process.ts';
import { bytesOf, collect, keysOf, sendPart } from './stores.ts';

describe('the filesystem store', () => {
  let directory: string;
  let root: string;
  let store: Store;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'backupctl-test-fs-'));
    root = join(directory, 'repository');
    store = await openStore({ type: 'filesystem', path: root });
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('makes files for their owner only, and no directory before the first write', async () => {
    expect(await store.stat('a/b')).toBeNull();
    expect(await store.freeBytes()).toBeGreaterThan(0);
    expect(await readdir(directory)).toEqual([]);
    await store.create('a/b', bytesOf(5));
    const writer = await store.createMultipart('a/c');
    const [unfinished] = (await readdir(join(root, 'a'))).filter((name) => name !== 'b');
    for (const path of ['a/b', `a/${unfinished}`])
      expect((await stat(join(root, path))).mode & 0o777).toBe(0o600);
    for (const path of ['', 'a']) expect((await stat(join(root, path))).mode & 0o777).toBe(0o700);
    await writer.abort();
  });

  test('names its location as a URL, and works below a root that is a link', async () => {
    expect(store.location).toBe(`file://${root}`);
    await mkdir(join(directory, 'disk'));
    await symlink(join(directory, 'disk'), root);
    await store.create('a/b', bytesOf(5));
    expect(await keysOf(store)).toEqual(['a/b']);
    expect(await readdir(join(directory, 'disk'))).toEqual(['a']);
  });

  test('removes folders that became empty, up to the root', async () => {
    await store.create('a/b/c/d', bytesOf(5));
    await store.create('a/e', bytesOf(5));
    await store.delete('a/b/c/d');
    expect(await readdir(join(root, 'a'))).toEqual(['e']);
    await store.delete('a/e');
    expect(await readdir(root)).toEqual([]);
    const writer = await store.createMultipart('x/y/z');
    await writer.abort();
    expect(await readdir(root)).toEqual([]);
  });

  test('takes a list below a missing root for an error: the disk may not be mounted', async () => {
    await expect(keysOf(store)).rejects.toMatchObject({ code: 'not-found' });
    await expect(collect(store.listFolders('backups/'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(collect(store.listUnfinished(''))).rejects.toMatchObject({ code: 'not-found' });
  });

  test('refuses a link that leads out of the root, wherever it is met', async () => {
    const outside = join(directory, 'outside');
    await mkdir(join(outside, 'sub'), { recursive: true });
    await writeFile(join(outside, 'secret'), 'secret');
    await store.create('ok', bytesOf(5));
    await symlink(outside, join(root, 'dir'));
    await symlink(join(outside, 'secret'), join(root, 'file'));
    const refused = { code: 'refused', message: expect.stringContaining('link') };
    for (const key of ['file', 'dir/secret', 'dir/sub/new', 'dir/new']) {
      await expect(store.read(key), key).rejects.toMatchObject(refused);
      await expect(store.openRead(key), key).rejects.toMatchObject(refused);
      await expect(store.stat(key), key).rejects.toMatchObject(refused);
      await expect(store.create(key, bytesOf(1)), key).rejects.toMatchObject(refused);
      await expect(store.createMultipart(key), key).rejects.toMatchObject(refused);
      await expect(store.delete(key), key).rejects.toMatchObject(refused);
    }
    for (const prefix of ['', 'dir/', 'dir/sub/']) {
      await expect(keysOf(store, prefix), prefix).rejects.toMatchObject(refused);
      await expect(collect(store.listFolders(prefix)), prefix).rejects.toMatchObject(refused);
    }
    const id = 'dir/x#01890000-0000-7000-8000-000000000000';
    await expect(store.abortUnfinished({ key: 'dir/x', id, begun: new Date() })).rejects.toMatchObject(
      refused,
    );
    expect(await readdir(outside)).toEqual(['secret', 'sub']);
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  test('ends only what is an unfinished write of the key', async () => {
    await store.create('a/b', bytesOf(5));
    for (const id of [
      'a/b',
      '../x#01890000-0000-7000-8000-000000000000',
      'a/b#',
      'a/c#01890000-0000-7000-8000-000000000000',
    ]) {
      const write = { key: 'a/b', id, begun: new Date() };
      await expect(store.abortUnfinished(write), id).rejects.toMatchObject({ code: 'refused' });
    }
    expect(await keysOf(store)).toEqual(['a/b']);
  });

  test('passes over files that no key can name', async () => {
    await store.create('a/b', bytesOf(5));
    await writeFile(join(root, 'a', 'a file manager was here'), '');
    await writeFile(join(root, 'a', '#b#'), '');
    await mkdir(join(root, 'lost+found'));
    expect(await keysOf(store)).toEqual(['a/b']);
    expect(await collect(store.listUnfinished(''))).toEqual([]);
  });

  test('says so when a folder is where an object should be, and the other way round', async () => {
    await store.create('a/b', bytesOf(5));
    await expect(store.create('a', bytesOf(5))).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.create('a/b/c', bytesOf(5))).rejects.toMatchObject({ code: 'conflict' });
    expect(await keysOf(store)).toEqual(['a/b']);
  });

  test('ends a read with an error when the file got shorter meanwhile', async () => {
    await store.create('a', bytesOf(4_000_000));
    const stream = await store.openRead('a');
    await truncate(join(root, 'a'), 2_000_000);
    const reading = (async () => {
      let length = 0;
      for await (const chunk of stream) length += chunk.length;
      return length;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('takes a multipart object with a gap for a mistake', async () => {
    const writer = await store.createMultipart('a');
    await sendPart(writer, 1, 100, bytesOf(100));
    await sendPart(writer, 3, 100, bytesOf(100));
    await expect(writer.complete()).rejects.toThrow('part 2');
    await writer.abort();
    expect(await keysOf(store)).toEqual([]);
  });

  const account = unprivilegedAccount();

  test('never reads a folder that it may not open as empty', async () => {
    await store.create('backups/one/manifest.json', bytesOf(5));
    if (account !== null) {
      for (const path of [directory, root, join(root, 'backups'), join(root, 'backups/one')]) {
        await chown(path, account.uid, account.gid);
      }
    }
    await chmod(join(root, 'backups/one'), 0);
    await asUser(account?.uid, async () => {
      const denied = { code: 'credentials', message: expect.stringContaining('permission denied') };
      await expect(keysOf(store)).rejects.toMatchObject(denied);
      await expect(keysOf(store, 'backups/one/')).rejects.toMatchObject(denied);
      await expect(collect(store.listFolders('backups/'))).rejects.toMatchObject(denied);
      await expect(store.stat('backups/one/manifest.json')).rejects.toMatchObject(denied);
      await expect(store.read('backups/one/manifest.json')).rejects.toMatchObject(denied);
      await expect(store.create('backups/one/new', bytesOf(1))).rejects.toMatchObject(denied);
    });
    await chmod(join(root, 'backups/one'), 0o700);
  });

  describe.skipIf(process.getuid?.() !== 0)('on a small file system of its own', () => {
    const onTmpfs = async (size: string, run: () => Promise<void>) => {
      await mkdir(root);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=0700,size=${size}`, 'tmpfs', root]);
      try {
        await run();
      } finally {
        execFileSync('umount', [root]);
      }
    };

    test('says that the disk is full, leaves nothing visible, and gives the room back', () =>
      onTmpfs('3m', async () => {
        await store.create('small', bytesOf(1000));
        const free = (await store.freeBytes()) ?? 0;
        expect(free).toBeGreaterThan(2_000_000);
        expect(free).toBeLessThan(3_200_000);
        const full = { code: 'no-space', message: expect.stringContaining('the disk is full') };
        await expect(store.create('a/big', bytesOf(4_000_000))).rejects.toMatchObject(full);
        expect(await readdir(root)).toEqual(['small']);
        const pool = new PartPool(2, 1_000_000);
        const signal = new AbortController().signal;
        const uploader = await Uploader.begin(store, 'a/streamed', pool, { signal, onConfirmed: () => {} });
        const upload = (async () => {
          for (let megabyte = 0; megabyte < 20; megabyte += 1) await uploader.write(bytesOf(1_000_000));
          await uploader.finish();
        })();
        await expect(upload).rejects.toMatchObject(full);
        await uploader.abort();
        expect(await readdir(root)).toEqual(['small']);
        expect(await keysOf(store)).toEqual(['small']);
        expect(await store.freeBytes()).toBe(free);
        await store.create('a/fits', bytesOf(1_000_000));
      }));

    test('says that the file system is read-only', () =>
      onTmpfs('1m', async () => {
        await store.create('a', bytesOf(10));
        execFileSync('mount', ['-o', 'remount,ro', root]);
        const readOnly = { message: expect.stringContaining('read-only') };
        await expect(store.create('b', bytesOf(10))).rejects.toMatchObject(readOnly);
        await expect(store.delete('a')).rejects.toMatchObject(readOnly);
        await expect(store.create('a', bytesOf(10))).rejects.toThrow(ObjectExistsError);
        expect(await store.read('a')).toEqual(bytesOf(10));
      }));
  });
});

/** Runs with another user's rights, where this process is root; as it is otherwise. */
async function asUser(uid: number | undefined, run: () => Promise<void>): Promise<void> {
  if (uid === undefined || process.seteuid === undefined) {
    await run();
    return;
  }
  process.seteuid(uid);
  try {
    await run();
  } finally {
    process.seteuid(0);
  }
}
