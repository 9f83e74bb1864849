import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { engine } from '../../engines/files/engine.ts';
import { keptPath, workPath, writeMark } from '../../engines/files/restore-place.ts';
import { whyNoMount } from '../servers/may-mount.ts';
import { TestRun } from './directory-sink.ts';
import { FilesBackup, filesTarget, Ground, leftIn, planFiles, restoreFiles, walkTree } from './files-kit.ts';
import { requestFor } from './restore-kit.ts';

async function smallTree(ground: Ground): Promise<FilesBackup> {
  ground.python(`
os.makedirs('tree/a/b')
for path in ('a/b/one', 'a/two', 'three'):
    with open('tree/' + path, 'w') as file: file.write(path)
os.link('tree/a/b/one', 'tree/zz')
os.link('tree/a/b/one', 'tree/a/yy')
with open(b'tree/bad\\xff', 'w') as file: file.write('odd')
os.chmod('tree/a', 0o750)
`);
  return FilesBackup.take(ground.at('tree'));
}

describe('a restore of files', () => {
  test('goes into a new directory, an empty one, and none other', async () => {
    await using ground = await Ground.make();
    await using backup = await smallTree(ground);
    mkdirSync(ground.at('empty'));
    mkdirSync(ground.at('full'));
    writeFileSync(ground.at('full', 'mine'), '');
    writeFileSync(ground.at('file'), '');
    symlinkSync(ground.at('empty'), ground.at('link'));
    for (const name of ['new', 'empty']) {
      const restored = await restoreFiles(ground.at('tree'), backup, { toDirectory: ground.at(name) });
      expect(restored).toMatchObject({ status: 'restored', target: ground.at(name), kept_as: null });
      expect(walkTree(ground.at(name))).toEqual(walkTree(ground.at('tree')));
    }
    const refusals: [string, RegExp][] = [
      [ground.at('full'), /is not empty; --overwrite/],
      [ground.at('file'), /is not a directory/],
      [ground.at('link'), /is a symbolic link/],
      [ground.at('none', 'below'), /there is no directory .*none to restore into/],
      ['/', /cannot be swapped/],
      ['/proc', /mount point|may not write/],
    ];
    for (const [toDirectory, words] of refusals) {
      const { steps } = await planFiles(ground.at('tree'), backup, { toDirectory });
      expect(steps).toMatchObject([{ action: 'refuse', note: expect.stringMatching(words) }]);
      await expect(restoreFiles(ground.at('tree'), backup, { toDirectory })).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringMatching(words),
      });
    }
    await expect(planFiles(ground.at('tree'), backup, { toDirectory: 'here' })).rejects.toMatchObject({
      code: 'usage',
    });
    expect(await leftIn(ground.path)).toEqual([]);
  });

  test('brings a part with the directories that it lies in, and a hard link without its first name', async () => {
    await using ground = await Ground.make();
    await using backup = await smallTree(ground);
    const bad = Buffer.from([0x62, 0x61, 0x64, 0xff]).toString('base64');
    const part = async (name: string, ...include: string[]) => {
      const { status, note } = await restoreFiles(ground.at(name), backup, { include });
      expect(status, note).toBe('restored');
      const found = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P %n\n'], {
        cwd: ground.at(name),
        encoding: 'latin1',
      });
      return found.trimEnd().split('\n').sort();
    };
    expect(await part('one', 'a/b')).toEqual(['a 3', 'a/b 2', 'a/b/one 1']);
    expect(statSync(ground.at('one', 'a')).mode & 0o777).toBe(0o750);
    expect(statSync(ground.at('one', 'a')).mtimeMs).toBe(statSync(ground.at('tree', 'a')).mtimeMs);
    expect(await part('two', '/zz', 'a/yy')).toEqual(['a 2', 'a/yy 2', 'zz 2']);
    expect(readFileSync(ground.at('two', 'zz'), 'utf8')).toBe('a/b/one');
    expect(await part('three', `base64:${bad}`, './three')).toEqual(['bad\xff 1', 'three 1']);
    const gone = await restoreFiles(ground.at('four'), backup, { include: ['a/gone'] }).catch(
      (error: unknown) => error,
    );
    expect(gone).toMatchObject({ code: 'not-found', message: expect.stringContaining('a/gone') });
    await expect(restoreFiles(ground.at('four'), backup, { include: ['../x'] })).rejects.toMatchObject({
      code: 'usage',
    });
    expect(existsSync(ground.at('four'))).toBe(false);
    // A part never takes the place of a whole.
    const over = { include: ['three'], overwrite: true };
    expect((await planFiles(ground.at('tree'), backup, over)).steps).toMatchObject([{ action: 'refuse' }]);
  });

  test('compares what it wrote with the index, byte by byte', async () => {
    await using ground = await Ground.make();
    await using backup = await smallTree(ground);
    backup.through = (stream, name) => {
      if (name !== 'files.tar.zst') return stream;
      const archive = zstdDecompressSync(readFileSync(backup.run.sink.path(name)));
      archive[archive.indexOf('a/two', archive.lastIndexOf('ustar', archive.lastIndexOf('a/two')))] = 0x41;
      return Readable.from([zstdCompressSync(archive)]);
    };
    const { status, note } = await restoreFiles(ground.at('new'), backup);
    expect([status, note]).toEqual([
      'failed',
      expect.stringMatching(/^not all came back: a\/two has another content; /),
    ]);
    expect(existsSync(ground.at('new'))).toBe(false);
    backup.through = (stream, name) => {
      if (name !== 'files.jsonl.zst') return stream;
      const lines = zstdDecompressSync(readFileSync(backup.run.sink.path(name)))
        .toString()
        .split('\n');
      return Readable.from([zstdCompressSync(lines.filter((line) => !line.includes('"three"')).join('\n'))]);
    };
    expect((await restoreFiles(ground.at('new'), backup)).note).toMatch(
      /files were written, and \d+ are in the index/,
    );
    backup.through = (stream, name) => {
      if (name !== 'files.jsonl.zst') return stream;
      const index = zstdDecompressSync(readFileSync(backup.run.sink.path(name))).toString();
      return Readable.from([zstdCompressSync(index.replace(/\{"end".*\n$/, ''))]);
    };
    expect((await restoreFiles(ground.at('new'), backup)).note).toContain('the index has no end');
    expect(await leftIn(ground.path)).toEqual([]);
  });

  test('that a crash cut between its two renames gives the old directory its name back', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    await using backup = await smallTree(ground);
    const [directory, before] = [ground.at('tree'), walkTree(ground.at('tree'))];
    const request = requestFor({ overwrite: true });
    const work = workPath(directory, run.context.executionId);
    const kept = keptPath(directory, request.restoreId);
    mkdirSync(work);
    mkdirSync(join(work, 'tree'));
    await writeMark(work, {
      ...{ restore_id: request.restoreId, execution_id: run.context.executionId, directory, kept },
      ...{ state: 'swapping', note: '' },
    });
    renameSync(directory, kept);
    const target = filesTarget(directory);
    expect(await engine.cleanUp(target, crypto.randomUUID(), run.context, request)).toEqual([]);
    expect(await engine.cleanUp(target, run.context.executionId, run.context, request)).toHaveLength(2);
    expect(walkTree(directory)).toEqual(before);
    expect(await leftIn(ground.path)).toEqual([]);
    const [restored] = await engine.restore(target, request, backup.source, {
      ...run.context,
      progress: () => {},
    });
    expect(restored).toMatchObject({ status: 'restored', kept_as: kept });
    await engine.forgetRestore(target, request.restoreId, run.context, request);
    expect(await leftIn(ground.path)).toEqual([expect.stringContaining('.before-')]);
  });

  test('that a crash cut behind its renames is known to be done', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    await using backup = await smallTree(ground);
    const directory = ground.at('tree');
    const request = requestFor({ overwrite: true });
    const work = workPath(directory, run.context.executionId);
    const kept = keptPath(directory, request.restoreId);
    mkdirSync(work);
    await writeMark(work, {
      ...{ restore_id: request.restoreId, execution_id: run.context.executionId, directory, kept },
      ...{ state: 'swapping', note: 'checked' },
    });
    writeFileSync(join(directory, 'since'), 'written after the restore');
    const target = filesTarget(directory);
    expect(await engine.cleanUp(target, run.context.executionId, run.context, request)).toEqual([]);
    const restored = await engine.restore(target, request, backup.source, {
      ...run.context,
      progress: () => {},
    });
    expect(restored).toMatchObject([{ status: 'restored', kept_as: kept }]);
    expect(restored[0]?.note).toBe(`the old one is ${kept}; checked`);
    expect(existsSync(join(directory, 'since'))).toBe(true);
    mkdirSync(kept);
    const dropped = await engine.restore(target, { ...request, dropOld: true }, backup.source, {
      ...run.context,
      progress: () => {},
    });
    expect(dropped).toMatchObject([{ status: 'restored', kept_as: null }]);
    expect([existsSync(kept), existsSync(join(directory, 'since'))]).toEqual([false, true]);
    await engine.forgetRestore(target, request.restoreId, run.context, request);
    expect(await leftIn(ground.path)).toEqual([]);
  });

  test('that was cut between its two renames, while the directory came to be anew, says where the old one is', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    const directory = ground.at('tree');
    const request = requestFor({ overwrite: true });
    const work = workPath(directory, run.context.executionId);
    const kept = keptPath(directory, request.restoreId);
    for (const path of [join(work, 'tree'), kept, directory]) mkdirSync(path, { recursive: true });
    writeFileSync(join(kept, 'data'), 'of years');
    await writeMark(work, {
      ...{ restore_id: request.restoreId, execution_id: run.context.executionId, directory, kept },
      ...{ state: 'swapping', note: '' },
    });
    const lines = await engine.cleanUp(filesTarget(directory), run.context.executionId, run.context, request);
    expect(lines).toContainEqual(expect.stringContaining(kept));
    expect([existsSync(join(kept, 'data')), existsSync(work)]).toEqual([true, false]);
  });

  test('of an attempt that was given up, and lives, never brings the half-filled tree of the next under its name', async () => {
    await using ground = await Ground.make();
    await using backup = await smallTree(ground);
    const [directory, before] = [ground.at('tree'), walkTree(ground.at('tree'))];
    const { status } = await restoreFiles(directory, backup, { overwrite: true }, (phase, run) => {
      if (!phase.startsWith('swap ')) return;
      const [own = ''] = readdirSync(ground.path).filter((name) => name.startsWith('.backupctl-'));
      rmSync(ground.at(own), { recursive: true });
      mkdirSync(join(workPath(directory, run.context.executionId), 'tree'), { recursive: true });
    });
    expect(status).toBe('failed');
    expect(walkTree(directory)).toEqual(before);
  });

  test('believes no mark that somebody else has left, or that names other directories', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    const id = crypto.randomUUID();
    const directory = ground.at('tree');
    const lie = { restore_id: id, execution_id: id, directory, state: 'swapping' as const, note: '' };
    const left = async (kept: string) => {
      const work = workPath(directory, id);
      mkdirSync(join(work, 'tree'), { recursive: true });
      await writeMark(work, { ...lie, kept });
      return work;
    };
    const cleanUp = () => engine.cleanUp(filesTarget(directory), id, run.context);
    mkdirSync(ground.at('victim'));
    for (const kept of [ground.at('victim'), '/']) {
      await left(kept);
      expect(await cleanUp()).toHaveLength(1);
      expect(existsSync(ground.at('victim'))).toBe(true);
      expect(existsSync(directory)).toBe(false);
    }
    if (process.getuid?.() !== 0) return;
    const kept = keptPath(directory, id);
    mkdirSync(kept);
    chownSync(await left(kept), 65534, 65534);
    expect(await cleanUp()).toEqual([]);
    expect(existsSync(kept)).toBe(true);
  });

  test('of a lost run is swept by its execution, beside the tree and where restores may go to', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    await using backup = await smallTree(ground);
    const [lost, alive] = [crypto.randomUUID(), crypto.randomUUID()];
    mkdirSync(ground.at('elsewhere'));
    for (const folder of [ground.path, ground.at('elsewhere')]) {
      for (const id of [lost, alive])
        mkdirSync(join(folder, `.backupctl-${id}-0badcafe`, 'tree'), { recursive: true });
    }
    writeFileSync(ground.at('elsewhere', '.backupctl-mine'), '');
    symlinkSync(ground.at('tree'), ground.at('.backupctl-11111111-1111-4111-8111-111111111111-0badcafe'));
    const sweep = (directories: string[]) =>
      engine.sweep(filesTarget(ground.at('tree')), async (id) => id !== alive, {
        ...run.context,
        directories,
      });
    expect(await sweep([ground.at('elsewhere', 'restored')])).toHaveLength(2);
    expect(await sweep([ground.at('elsewhere')])).toEqual([]);
    expect((await leftIn(ground.at('elsewhere'))).sort()).toEqual(
      [`.backupctl-${alive}-0badcafe`, '.backupctl-mine'].sort(),
    );
    expect(existsSync(ground.at('tree', 'three'))).toBe(true);
    expect(backup.paths()).toContain('three');
  });

  test('removes by restore-finish what it has kept itself, and nothing else', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    mkdirSync(ground.at('victim'));
    const line = { database: '', target: ground.at('tree'), status: 'restored' as const, note: '' };
    const id = crypto.randomUUID();
    for (const kept_as of [ground.at('victim'), '/', `${ground.at('tree')}.before-00000000`]) {
      await expect(
        engine.finishRestore(filesTarget(ground.at('tree')), id, [{ ...line, kept_as }], run.context),
      ).rejects.toMatchObject({ code: 'refused' });
    }
    expect(existsSync(ground.at('victim'))).toBe(true);
  });

  test('refuses a mount point, which no rename moves', async (context) => {
    const why = whyNoMount();
    if (why !== null) context.skip(why);
    await using ground = await Ground.make();
    await using backup = await smallTree(ground);
    mkdirSync(ground.at('disk'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', ground.at('disk')]);
    try {
      for (const overwrite of [false, true]) {
        const { steps } = await planFiles(ground.at('disk'), backup, { overwrite });
        expect(steps).toMatchObject([{ action: 'refuse', note: expect.stringContaining('mount point') }]);
      }
      const inside = await restoreFiles(ground.at('disk', 'inside'), backup);
      expect(inside.status).toBe('restored');
      const above = await planFiles(ground.path, backup, { overwrite: true });
      expect(above.warnings.join()).toContain(`${ground.at('disk')} is another file system`);
    } finally {
      execFileSync('umount', ['-l', ground.at('disk')]);
    }
  });
});
