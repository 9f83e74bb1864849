import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { link, open, readdir, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PowerCutFs, startPowerCutFs, whyNoFuse } from './power-cut.ts';

const why = whyNoFuse();
if (why !== null) process.stdout.write(`power cuts are not tested here: ${why}\n`);

/** What the tests of power cuts rest on: a disk that forgets exactly what was not synced. */
describe.skipIf(why !== null)('the file system of the harness', () => {
  let disk: PowerCutFs;
  const at = (...parts: string[]) => join(disk.directory, ...parts);

  beforeEach(async () => {
    disk = await startPowerCutFs();
  });
  afterEach(() => disk.stop());

  const sync = async (path: string) => {
    const handle = await open(path, 'r');
    await handle.sync();
    await handle.close();
  };
  const cutAndReboot = async (seed?: number) => {
    await disk.cut();
    await disk.reboot(seed);
  };

  test('keeps a synced file under a synced name, and forgets the name, the bytes or both otherwise', async () => {
    for (const name of ['both', 'bytes', 'neither']) await writeFile(at(name), name);
    await sync(at('both'));
    await sync(at('bytes'));
    await cutAndReboot();
    expect(readdirSync(at())).toEqual([]);

    for (const name of ['both', 'name']) await writeFile(at(name), name);
    await sync(at('both'));
    await sync(at());
    await writeFile(at('both'), 'overwritten and longer');
    await cutAndReboot();
    expect(readFileSync(at('both'), 'utf8')).toBe('both');
    expect(readFileSync(at('name'), 'utf8')).toBe('');
  });

  test('forgets new directories, links, renames and removals until their directory is synced', async () => {
    await writeFile(at('file'), 'x');
    await sync(at('file'));
    await sync(at());
    const change = async () => {
      mkdirSync(at('folder'));
      await link(at('file'), at('folder', 'linked'));
      await link(at('file'), at('second'));
      await rename(at('second'), at('third'));
      await unlink(at('file'));
    };
    await change();
    await cutAndReboot();
    expect(readdirSync(at())).toEqual(['file']);
    await change();
    await sync(at());
    await cutAndReboot();
    expect(readdirSync(at()).sort()).toEqual(['folder', 'third']);
    expect(readdirSync(at('folder'))).toEqual([]);
    expect(statSync(at('third')).nlink).toBe(1);
  });

  test('refuses everything without power, and what was open before it stays unusable', async () => {
    const file = openSync(at('file'), 'w');
    await disk.cut(2);
    writeSync(file, 'one');
    writeSync(file, 'two');
    expect(() => writeSync(file, 'three')).toThrow(/EIO/);
    expect(() => readdirSync(at())).toThrow(/EIO/);
    expect(() => mkdirSync(at('folder'))).toThrow(/EIO/);
    await disk.reboot();
    expect(() => writeSync(file, 'four')).toThrow(/EIO/);
    expect(readdirSync(at())).toEqual([]);
  });

  test('with a seed, lets a part of what was not synced survive, and the same part for the same seed', async () => {
    const survivors = async (seed: number) => {
      const names = Array.from({ length: 20 }, (_, index) => `${seed}-${index}`);
      for (const name of names) await writeFile(at(name), 'x'.repeat(10_000));
      await cutAndReboot(seed);
      return names
        .filter((name) => existsSync(at(name)))
        .map((name) => {
          const bytes = readFileSync(at(name));
          return [name.split('-')[1], bytes.length, bytes.indexOf('x'), bytes.indexOf(0)];
        });
    };
    const first = await survivors(7);
    expect(first.length).toBeGreaterThan(3);
    expect(first.length).toBeLessThan(17);
    for (const name of await readdir(at())) await unlink(at(name));
    await sync(at());
    expect(await survivors(7)).toEqual(first);
  });

  test('carries a database of SQLite through a cut: what was committed is there', async () => {
    const path = at('some.db');
    const database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (id int)');
    for (let id = 1; id <= 20; id += 1) database.exec(`INSERT INTO rows VALUES (${id})`);
    await disk.cut();
    expect(() => database.exec('INSERT INTO rows VALUES (21)')).toThrow();
    try {
      database.close();
    } catch {
      // It cannot write its last words.
    }
    await disk.reboot(3);
    const again = new DatabaseSync(path);
    expect(again.prepare('SELECT count(*) AS count FROM rows').get()).toEqual({ count: 20 });
    again.close();
  });

  test('is full, read-only, forbidden or slow when it is told so, and whole again afterwards', async () => {
    await disk.trouble({ capacity: 100_000 });
    await expect(writeFile(at('big'), Buffer.alloc(200_000))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(statSync(at('big')).size).toBeGreaterThan(0);
    await disk.trouble({ refuse: 'read-only' });
    await expect(writeFile(at('new'), 'x')).rejects.toMatchObject({ code: 'EROFS' });
    expect(readFileSync(at('big')).length).toBeGreaterThan(0);
    await disk.trouble({ refuse: 'no-permission' });
    await expect(readdir(at())).rejects.toMatchObject({ code: 'EACCES' });
    await disk.trouble({ refuse: 'io-error' });
    await expect(readdir(at())).rejects.toMatchObject({ code: 'EIO' });
    await disk.trouble({});
    await writeFile(at('new'), 'x');
    expect((await disk.state()).powered).toBe(true);
  });
});
