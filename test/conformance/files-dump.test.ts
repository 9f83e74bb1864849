import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { appendFile, open, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { engine } from '../../engines/files/engine.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { CompressedSource } from '../../repository/repository.ts';
import { whyNoMount } from '../servers/may-mount.ts';
import { until } from '../servers/wait.ts';
import { DirectorySink, TestRun } from './directory-sink.ts';
import { FilesBackup, filesTarget, Ground, restoreFiles, walkTree } from './files-kit.ts';

/** A sink that reads nothing of the data until it is told to: what is before it comes to a halt. */
class HeldSink extends DirectorySink {
  readonly #opened = Promise.withResolvers<void>();

  open(): void {
    this.#opened.resolve();
  }

  override async write(stream: string, source: CompressedSource): Promise<ObjectRecord[]> {
    if (source.role !== 'index') await this.#opened.promise;
    return super.write(stream, source);
  }
}

describe('a backup of files', () => {
  test('names what changes and what vanishes while it is read, and is whole otherwise', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    ground.python(`
os.mkdir('tree')
for name in ('0 first', '2 vanishes', '4 stays'):
    with open('tree/' + name, 'wb') as file: file.write(os.urandom(24 << 20 if name[0] == '0' else 1000))
`);
    const sink = new HeldSink(run.context.scratch);
    const request = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 1 };
    const dumping = engine.dump(filesTarget(ground.at('tree')), request, sink, run.context);
    // Held back within the first file, of which more is to come than pipes and programs hold.
    const first = await until(() => readerOf(ground.at('tree', '0 first')), {
      what: 'tar to read the first file',
    });
    await appendFile(ground.at('tree', '0 first'), 'grown');
    unlinkSync(ground.at('tree', '2 vanishes'));
    expect(first).toBeGreaterThan(0);
    sink.open();
    const { warnings, details } = await dumping;
    // The directory itself changed too.
    expect(warnings).toEqual([
      expect.stringMatching(/^0 first changed while it was read/),
      expect.stringMatching(/^\. changed while it was read/),
      expect.stringMatching(/^2 vanishes was removed before it could be read/),
    ]);
    expect(details).toMatchObject({
      one_instant: false,
      changed: { count: 2, names: ['0 first', '.'] },
      vanished: { count: 1, names: ['2 vanishes'] },
    });
    expect(sink.whole.toSorted()).toEqual(['files.jsonl.zst', 'files.tar.zst']);
  });

  test('says that a file became shorter, and what stands in its place', async () => {
    await using ground = await Ground.make();
    await using run = await TestRun.start();
    ground.python(`
os.mkdir('tree')
with open('tree/a', 'wb') as file: file.write(os.urandom(24 << 20))
`);
    const sink = new HeldSink(run.context.scratch);
    const request = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 1 };
    const dumping = engine.dump(filesTarget(ground.at('tree')), request, sink, run.context);
    await until(() => readerOf(ground.at('tree', 'a')), { what: 'tar to read the file' });
    truncateSync(ground.at('tree', 'a'), 1000);
    sink.open();
    const { warnings, details } = await dumping;
    expect(warnings.join('\n')).toMatch(
      /^a became shorter while it was read: the backup has zeros at its end$/m,
    );
    expect(details).toMatchObject({ shrank: { count: 1, names: ['a'] } });
  });

  test('of a sparse file of 10 GB takes as much as its data, and so does the restore', async () => {
    await using ground = await Ground.make();
    mkdirSync(ground.at('tree'));
    const file = await open(ground.at('tree', 'sparse'), 'w');
    await file.truncate(10 * 1024 ** 3);
    for (const at of [0, 5_000_000_000, 10 * 1024 ** 3 - 4]) await file.write('data', at);
    await file.close();
    await using backup = await FilesBackup.take(ground.at('tree'));
    expect(backup.outcome.details.stored).toBeLessThan(100_000);
    const line = backup.lines().find(({ path }) => path === 'sparse');
    expect(line).toMatchObject({ size: 10 * 1024 ** 3, sparse: true, sha256: null });
    expect(line?.data_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(line?.regions).toHaveLength(3);
    const restored = await restoreFiles(ground.at('new'), backup);
    expect(restored.status).toBe('restored');
    const { blocks, size } = statSync(ground.at('new', 'sparse'));
    expect([size, blocks * 512 < 200_000]).toEqual([10 * 1024 ** 3, true]);
    const back = await open(ground.at('new', 'sparse'));
    const piece = Buffer.alloc(4);
    await back.read(piece, 0, 4, 5_000_000_000);
    await back.close();
    expect(piece.toString()).toBe('data');
  });

  test('and its restore take paths of 4,000 bytes', async () => {
    await using ground = await Ground.make();
    ground.python(`
os.mkdir('tree')
os.chdir('tree')
for i in range(19):
    name = '%02d' % i + 'x' * 198
    os.mkdir(name); os.chdir(name)
with open('y' * 180, 'w') as file: file.write('deep down')
`);
    await using backup = await FilesBackup.take(ground.at('tree'));
    const longest = Math.max(...backup.paths().map((path) => path.length));
    expect(longest).toBe(19 * 201 + 180);
    expect(longest).toBeGreaterThanOrEqual(3999);
    expect((await restoreFiles(ground.at('new'), backup)).status).toBe('restored');
    expect(walkTree(ground.at('new'))).toEqual(walkTree(ground.at('tree')));
  });

  test('leaves out what patterns say, in the URL and in the selection, and takes none for more', async () => {
    await using ground = await Ground.make();
    ground.python(`
for path in ('cache/a', 'keep/cache/b', 'keep/x.log', 'keep/y.log.txt', 'keep/[z]', 'keep/z', 'tmp/t', 'keep/tmp/t', '.backupctl-keep', 'a b'):
    os.makedirs(os.path.dirname('tree/' + path), exist_ok=True)
    open('tree/' + path, 'w').close()
os.mkdir('tree/.backupctl-11111111-1111-4111-8111-111111111111-0badcafe')
`);
    await using backup = await FilesBackup.take(ground.at('tree'), '?exclude=/cache&exclude=*.log', {
      exclude: ['keep/tmp', '\\[z\\]'],
    });
    expect(backup.paths()).toEqual([
      ...['.', '.backupctl-keep', 'a b', 'keep', 'keep/cache', 'keep/cache/b', 'keep/y.log.txt', 'keep/z'],
      ...['tmp', 'tmp/t'],
    ]);
    expect(backup.outcome.details).toMatchObject({ exclude: ['/cache', '*.log'] });
  });

  test('takes the paths that are included, with the directories that they lie in, and follows no link to them', async () => {
    await using ground = await Ground.make();
    ground.python(`
for path in ('a/b/c/one', 'a/b/two', 'a/three', 'd/four', '--exclude=d/five', 'a-b/six'):
    os.makedirs(os.path.dirname('tree/' + path), exist_ok=True)
    open('tree/' + path, 'w').close()
os.symlink('/etc', 'tree/link')
`);
    const tree = ground.at('tree');
    const include = ['d/four', '/a/b/', './a/b/c', '--exclude=d', 'a-b', 'link'];
    await using backup = await FilesBackup.take(tree, '', { include });
    expect(backup.paths()).toEqual([
      ...['.', '--exclude=d', '--exclude=d/five', 'a', 'a/b', 'a/b/c', 'a/b/c/one', 'a/b/two'],
      ...['a-b', 'a-b/six', 'd', 'd/four', 'link'],
    ]);
    await expect(FilesBackup.take(tree, '', { include: ['link/passwd'] })).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(FilesBackup.take(tree, '', { include: ['gone'] })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(FilesBackup.take(tree, '', { include: ['../x'] })).rejects.toMatchObject({ code: 'usage' });
  });

  test('refuses a root that is a link or a file, and says that one is missing', async () => {
    await using ground = await Ground.make();
    await writeFile(ground.at('file'), '');
    await symlink('/etc', ground.at('link'));
    const refusal = (path: string) =>
      FilesBackup.take(ground.at(path)).catch((error: { code: string }) => error.code);
    expect(await Promise.all(['file', 'link', 'gone'].map(refusal))).toEqual([
      'refused',
      'refused',
      'unavailable',
    ]);
  });

  test('of nothing at all says so: a disk may not have been mounted', async () => {
    await using ground = await Ground.make();
    mkdirSync(ground.at('tree'));
    await using backup = await FilesBackup.take(ground.at('tree'));
    expect(backup.outcome.warnings).toEqual([expect.stringContaining('is empty')]);
  });

  test('does not cross into another file system, and names it; with mounts=cross it does', async (context) => {
    const why = whyNoMount();
    if (why !== null) context.skip(why);
    await using ground = await Ground.make();
    mkdirSync(ground.at('tree', 'mounted on'), { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', ground.at('tree', 'mounted on')]);
    try {
      writeFileSync(ground.at('tree', 'mounted on', 'inside'), 'x');
      await using backup = await FilesBackup.take(ground.at('tree'));
      expect(backup.paths()).toEqual(['.', 'mounted on']);
      expect(backup.outcome.warnings).toEqual([
        expect.stringMatching(/^mounted on is another file system, and not in the backup/),
      ]);
      await using all = await FilesBackup.take(ground.at('tree'), '?mounts=cross');
      expect(all.paths()).toEqual(['.', 'mounted on', 'mounted on/inside']);
      expect(all.outcome.warnings).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', ground.at('tree', 'mounted on')]);
    }
  });
});

/** Bytes into a file that a tar of ours has read; null while there is none that has begun. */
function readerOf(path: string): number | null {
  const found = execFileSync(
    'sh',
    ['-c', 'ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c -F -- "$1" || true', 'sh', path],
    {
      encoding: 'utf8',
    },
  );
  return Number(found) > 0 ? Number(found) : null;
}
