import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { projectRoot } from '../servers/cache.ts';
import { bytesOf, collect, keysOf } from './stores.ts';

describe.skipIf(!canTrace())('the filesystem store with failing system calls', () => {
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

  test('names a file system without hard links, and leaves nothing on it', async () => {
    const outcome = createUnder('link,linkat:error=EOPNOTSUPP', root);
    expect(outcome).toBe(`unsupported: the file system of ${root} has no hard links`);
    expect(await readdir(root)).toEqual([]);
  });

  test('syncs a file before it gets its name, and all folders down to it after', () => {
    const log = join(directory, 'calls');
    createUnder('', root, undefined, ['-y', '-o', log, '-e', 'trace=fsync,link,linkat,unlink']);
    const calls = readFileSync(log, 'utf8')
      .split('\n')
      .map((line) => line.replaceAll(directory, ''))
      .flatMap(
        (line) =>
          /(fsync|link|unlink)\w*\((?:\d+<([^>]*)>|"([^"]*)"(?:, "([^"]*)")?)/.exec(line)?.slice(1) ?? [],
      )
      .filter((word) => word !== undefined && /^(fsync|link|unlink|\/.*)$/.test(word))
      .map((word) => word.replace(/#.*/, '#'));
    const file = [
      'fsync',
      '/repository/a/b#',
      'link',
      '/repository/a/b#',
      '/repository/a/b',
      'unlink',
      '/repository/a/b#',
    ];
    const folders = ['fsync', '/repository/a', 'fsync', '/repository'];
    expect(calls.slice(calls.indexOf('/repository/a/b#') - 1)).toEqual([...file, ...folders]);
  });

  test('takes nothing for written that could not be synced', async () => {
    expect(createUnder('fsync:error=EIO:when=1', root)).toMatch(/^unavailable: cannot write a\/b .*EIO$/);
    expect(createUnder('fsync:error=EIO', root)).toMatch(/^unavailable/);
    expect(await keysOf(store)).toEqual([]);
    expect(await collect(store.listUnfinished(''))).toEqual([]);
  });

  test('never reads a folder that fails as empty', async () => {
    await store.create('a/b', bytesOf(5));
    const outcome = createUnder('getdents64:error=EIO', root, 'for await (const _ of store.list("")) {}');
    expect(outcome).toMatch(/^unavailable: cannot list objects .*EIO$/);
  });
});

/** Writes `a/b` (or does `call`) in a process whose system calls strace lets fail; returns what it was told. */
function createUnder(inject: string, root: string, call?: string, trace = injecting(inject)): string {
  const open = join(projectRoot, 'repository/stores/open.ts');
  const script = `
    const { openStore } = await import(${JSON.stringify(open)});
    const store = await openStore({ type: 'filesystem', path: ${JSON.stringify(root)} });
    try { ${call ?? 'await store.create("a/b", Buffer.from("hello"))'}; console.log('written'); }
    catch (error) { console.log(error.code + ': ' + error.message); }`;
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    script,
  ];
  return execFileSync('strace', ['-f', '-qq', ...trace, ...node], { encoding: 'utf8' }).trim();
}

function injecting(inject: string): string[] {
  return ['-o', '/dev/null', '-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`];
}

function canTrace(): boolean {
  try {
    execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
