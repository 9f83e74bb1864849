import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkTree } from '../../engines/files/restore-check.ts';
import { whyNoMount } from '../servers/may-mount.ts';
import { TestRun } from './directory-sink.ts';
import { FilesBackup, Ground, restoreFiles, walkTree } from './files-kit.ts';

let ground: Ground;
let backup: FilesBackup;

/** A POSIX ACL as the kernel holds it: the owner, one user by number, the group, the mask, others. */
const acl = `struct.pack('<I' + 'HHI' * 5, 2, 1, 6, 0xffffffff, 2, 4, 4711, 4, 4, 0xffffffff, 16, 4, 0xffffffff, 32, 4, 0xffffffff)`;
const root = process.getuid?.() === 0;

beforeAll(async () => {
  ground = await Ground.make();
  ground.python(`
os.makedirs('tree/below')
names = [b'plain', b'-x', b'new\\nline', b'back\\\\slash \\\\n', b'\\xff\\xfe', b'below/deep', b'star*', b'sparse']
for name in names:
    with open(b'tree/' + name, 'wb') as file: file.write(name * 1000)
    os.setxattr(b'tree/' + name, 'user.name', name + b'\\x00\\xff')
os.truncate('tree/sparse', 20 * 1024 * 1024)
open('tree/without', 'w').close()
os.setxattr('tree', 'user.root', b'of the root'); os.setxattr('tree/below', 'user.empty', b'')
os.setxattr('tree/plain', 'system.posix_acl_access', ${acl})
os.setxattr('tree/below', 'system.posix_acl_default', ${acl})
os.link('tree/plain', 'tree/plain too')
if ${root ? 'True' : 'False'}: os.setxattr('tree/plain', 'trusted.of', b'root'); os.symlink('nowhere', 'tree/link'); os.setxattr('tree/link', 'trusted.l', b'1', follow_symlinks=False)
`);
  backup = await FilesBackup.take(ground.at('tree'));
});
afterAll(async () => {
  await backup?.[Symbol.asyncDispose]();
  await ground?.[Symbol.asyncDispose]();
});

/** How the check of a restore finds a tree. */
async function check(path: string, source = backup.source): Promise<string> {
  await using run = await TestRun.start();
  const choice = { include: [], renames: {}, asRoot: root };
  return (await checkTree(path, choice, backup.lines().length, source, run.context)).join('\n');
}

test('an index has a hash of each attribute and ACL', () => {
  const line = backup.lines().find(({ path }) => path === 'plain');
  expect(line?.attributes).toEqual(expect.arrayContaining(['user.name', 'acl.access']));
  expect(line?.attributes_sha256).toHaveLength(line?.attributes?.length ?? 0);
  expect(new Set(line?.attributes_sha256).size).toBe(line?.attributes?.length);
});

test('attributes and ACLs that came back are not told of, whatever the names of their files are', async () => {
  const restored = await restoreFiles(ground.at('again'), backup);
  expect(restored.status, restored.note).toBe('restored');
  expect(restored.note).not.toMatch(/attributes|could not/);
  expect(walkTree(ground.at('again'))).toEqual(walkTree(ground.at('tree')));
});

test('a value that is another, or gone, and an ACL that grants more are told of, with the name of one', async () => {
  const { status } = await restoreFiles(ground.at('changed'), backup);
  expect(status).toBe('restored');
  const times = 's = os.stat(p, follow_symlinks=False)';
  const change = (path: string, what: string) =>
    ground.python(`p = ${path}; ${times}; ${what}; os.utime(p, ns=(s.st_atime_ns, s.st_mtime_ns))`);
  expect(await check(ground.at('changed'))).not.toMatch(/attributes/);
  change("b'changed/-x'", "os.setxattr(p, 'user.name', b'another')");
  expect(await check(ground.at('changed'))).toContain(
    'the attributes and ACLs of 1 could not be made what they were (such as -x)',
  );
  change("b'changed/\\xff\\xfe'", "os.removexattr(p, 'user.name')");
  change("b'changed/below'", `os.removexattr(p, 'system.posix_acl_default')`);
  change("b'changed/new\\nline'", `os.setxattr(p, 'user.more', b'1')`);
  expect(await check(ground.at('changed'))).toContain('the attributes and ACLs of 4 could not');
});

test('a backup that has only the names of attributes says that they were not compared', async () => {
  const { status } = await restoreFiles(ground.at('old'), backup);
  expect(status).toBe('restored');
  const open = async (name: string) => {
    if (name !== 'files.jsonl.zst') return backup.source.open(name);
    const lines = zstdDecompressSync(readFileSync(backup.run.sink.path(name))).toString();
    return Readable.from(zstdCompressSync(lines.replace(/,"attributes_sha256":\[[^\]]*\]/g, '')));
  };
  const withAttributes = backup.lines().filter(({ attributes }) => attributes !== undefined).length;
  expect(await check(ground.at('old'), { ...backup.source, open })).toContain(
    `the attributes and ACLs of ${withAttributes} were not compared: the backup has only their names`,
  );
});

test.skipIf(whyNoMount() !== null)(
  'a file system that takes none is told of, and the rest comes back',
  async () => {
    const ram = ground.at('ram');
    mkdirSync(ram);
    execFileSync('mount', ['-t', 'ramfs', 'none', ram]);
    try {
      const small = await FilesBackup.take(ground.at('tree'), '?exclude=sparse');
      await using _ = small;
      const restored = await restoreFiles(join(ram, 'tree'), small);
      expect(restored.status, restored.note).toBe('restored');
      const withAttributes = small.lines().filter(({ attributes }) => attributes !== undefined).length;
      expect(restored.note).toContain(
        `the attributes and ACLs of ${withAttributes} could not be made what they were (such as .)`,
      );
      expect(readFileSync(join(ram, 'tree', 'plain'), 'utf8')).toBe('plain'.repeat(1000));
    } finally {
      execFileSync('umount', [ram]);
    }
  },
);
