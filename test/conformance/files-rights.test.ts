import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../engines/files/engine.ts';
import { TestRun } from './directory-sink.ts';
import { FilesBackup, filesTarget, Ground, leftIn, restoreFiles, walkTree } from './files-kit.ts';

const nobody = 65534;

/** Why nobody cannot be played here, or null: one needs root to become another, and the project where another can read it. */
function whyNot(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can become another user';
  const file = fileURLToPath(new URL('../../engines/files/engine.ts', import.meta.url));
  const tried = spawnSync('setpriv', ['--reuid=65534', '--clear-groups', process.execPath, '--check', file], {
    env: {},
    stdio: 'ignore',
  });
  return tried.status === 0 ? null : 'another user can read neither the project nor its Node';
}

/** Runs the body, and what it starts, as a user who owns nothing. */
async function asNobody<T>(body: () => Promise<T>): Promise<T> {
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  try {
    return await body();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

describe.skipIf(whyNot() !== null)('files by a worker that is not root', () => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await Ground.make();
    chownSync(ground.path, nobody, nobody);
    ground.python(`
os.mkdir('tree')
for name in ('open', 'secret', 'also secret'):
    with open('tree/' + name, 'w') as file: file.write(name)
    os.chmod('tree/' + name, 0o600 if 'secret' in name else 0o644)
os.mkdir('tree/closed'); open('tree/closed/inside', 'w').close(); os.chmod('tree/closed', 0o700)
os.setxattr('tree/open', 'trusted.t', b'of root'); os.setxattr('tree/open', 'user.u', b'of anybody')
os.mkdir('own'); os.mkdir('own/fixed'); open('own/fixed/file', 'w').close()
os.chmod('own/fixed/file', 0); os.chmod('own/fixed', 0o555); os.chmod('own', 0o555)
`);
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  const unreadable = '?unreadable=secret&unreadable=also%20secret&unreadable=/closed';

  test('hears from the probe what may fail, and which directories cannot be read', async () => {
    const { warnings } = await asNobody(async () => {
      await using run = await TestRun.start();
      return await engine.probe(filesTarget(ground.at('tree')), run.context);
    });
    expect(warnings.join('\n')).toMatch(/is not root.*\n1 directories cannot be read.*closed/s);
    await expect(asNobody(() => FilesBackup.take(ground.at('tree', 'closed')))).rejects.toMatchObject({
      code: 'credentials',
    });
  });

  test('fail where one cannot be read, which is named with what helps', async () => {
    const error = await asNobody(() => FilesBackup.take(ground.at('tree'), '?unreadable=/closed')).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'credentials',
      message:
        'not everything could be read: also secret: Cannot open: Permission denied; secret: Cannot open: Permission denied',
      hint: expect.stringContaining('unreadable=PATTERN'),
    });
  });

  test('are whole without those that the URL allows to be unreadable by name, and say so', async () => {
    const backup = await asNobody(() => FilesBackup.take(ground.at('tree'), unreadable));
    await using _ = backup;
    expect(backup.paths()).not.toContain('secret');
    expect(backup.paths()).toContain('open');
    expect(backup.outcome.details).toMatchObject({
      as_root: false,
      unreadable: { count: 3, names: expect.arrayContaining(['closed', 'secret', 'also secret']) },
    });
    expect(backup.outcome.warnings.join('\n')).toContain('secret could not be read, which the URL allows');
  });

  test('come back without owners, devices and attributes of root, and the note says so', async () => {
    const backup = await FilesBackup.take(ground.at('tree'));
    await using _ = backup;
    chmodSync(backup.run.context.scratch, 0o755);
    const restored = await asNobody(() => restoreFiles(ground.at('new'), backup));
    expect(restored).toMatchObject({ status: 'restored' });
    expect(restored.note).toMatch(/1 attributes were left out that only root may set/);
    expect(restored.note).toMatch(/the worker is not root: everything will belong to its user/);
    const mine = (line: string) =>
      line.replace(/ 0 0 /, ` ${nobody} ${nobody} `).replace(/ trusted\.t=\w+/, '');
    expect(walkTree(ground.at('new'))).toEqual(walkTree(ground.at('tree')).map(mine));
  });

  test('come back into directories that their owner may not write', async () => {
    const backup = await FilesBackup.take(ground.at('own'));
    await using _ = backup;
    chmodSync(backup.run.context.scratch, 0o755);
    const restored = await asNobody(() => restoreFiles(ground.at('own again'), backup));
    expect(restored.status, restored.note).toBe('restored');
    expect(restored.note).not.toContain('could not');
    const mine = (line: string) => line.replace(/ 0 0 /, ` ${nobody} ${nobody} `);
    expect(walkTree(ground.at('own again'))).toEqual(walkTree(ground.at('own')).map(mine));
    backup.through = (stream, name) =>
      name === 'files.jsonl.zst' ? stream.destroy(new Error('it broke')) : stream;
    expect((await asNobody(() => restoreFiles(ground.at('third'), backup))).status).toBe('failed');
    expect(await leftIn(ground.path)).toEqual([]);
  });
});
