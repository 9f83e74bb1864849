import { describe, expect, test } from 'vitest';
import { oddTree } from '../fixtures/odd-tree.ts';
import { FilesBackup, Ground, leftIn, restoreFiles, walkTree } from './files-kit.ts';

const isRoot = process.getuid?.() === 0;

describe('a tree of files', () => {
  test('comes back as it was, with everything that a tree may hold', async () => {
    await using ground = await Ground.make();
    ground.python(oddTree);
    const before = walkTree(ground.at('src'));
    await using backup = await FilesBackup.take(ground.at('src'));
    const restored = await restoreFiles(ground.at('src'), backup, { toDirectory: ground.at('new') });
    expect(restored).toMatchObject({ status: 'restored', kept_as: null, target: ground.at('new') });
    expect(restored.note).toContain('checked: ');
    const socket = Buffer.from('./socket').toString('hex');
    expect(walkTree(ground.at('new'))).toEqual(before.filter((line) => !line.startsWith(`${socket} `)));
    expect(backup.outcome.details).toMatchObject({ ignored: { count: 1, names: ['socket'] } });
    expect(await leftIn(ground.path)).toEqual([]);
    // The tree itself was only read, and nothing of a name was taken for an option.
    expect(walkTree(ground.at('src'))).toEqual(before);
    expect(isRoot ? restored.note : '').not.toContain('could not');
  });
});
