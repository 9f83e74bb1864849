import { describe, expect, test } from 'vitest';
import { FilesBackup, Ground, leftIn, restoreFiles, walkTree } from './files-kit.ts';

const isRoot = process.getuid?.() === 0;

/** Everything that a tree may hold and few trees do. */
const oddTree = `
os.mkdir('src')
os.chdir('src')
def put(name, data=b'x'):
    with open(name, 'wb') as file: file.write(data)
put(b'plain', b'hello')
put(b'new\\nline')
put(b'bad\\xff\\xfebytes', b'not UTF-8')
put('größe ☃'.encode())
put(b'--checkpoint-action=exec=touch pwned')
put(b'-rf')
put(b'back\\\\slash')
put(b'empty', b'')
os.link(b'plain', b'hard')
os.symlink(b'plain', b'soft')
os.symlink(b'/etc', b'away')
os.symlink(b'../../..', b'up')
os.symlink(b'gone\\xff', b'dangling')
os.mkfifo(b'fifo')
s = socket.socket(socket.AF_UNIX); s.bind('socket')
os.mkdir('deep')
put('deep/a')
os.chmod('deep', 0o1555)
put('setuid'); os.chmod('setuid', 0o4711)
put('none'); os.chmod('none', 0)
with open('sparse', 'wb') as file:
    file.truncate(50_000_000); file.seek(20_000_000); file.write(b'middle'); file.seek(49_999_990); file.write(b'end')
with open('hollow', 'wb') as file: file.truncate(10_000_000)
os.setxattr('plain', 'user.note', b'v\\x00\\n=z')
os.setxattr('deep', 'user.a=b', b'equals')
acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', t, p, i) for t, p, i in
  [(1, 6, 0xffffffff), (2, 4, 1234), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 4, 0xffffffff)])
os.setxattr('plain', 'system.posix_acl_access', acl)
os.mkdir('inherits'); os.setxattr('inherits', 'system.posix_acl_default', acl); put('inherits/file')
if os.getuid() == 0:
    os.chown('setuid', 1234, 4321); os.chmod('setuid', 0o4711)
    os.setxattr('plain', 'trusted.t', b'root alone')
    try: os.mknod('null', 0o20666, os.makedev(1, 3)); os.mknod('disk', 0o60600, os.makedev(7, 300))
    except PermissionError: pass
os.utime('plain', ns=(1, 1_600_000_000_123_456_789))
os.utime('empty', ns=(1, -1_500_000_001))
os.utime('hollow', ns=(1, -1))
os.utime('soft', ns=(1, 987_654_321), follow_symlinks=False)
os.setxattr('.', 'user.root', b'of the root')
os.utime('deep', ns=(5, 5_000_000_005))
os.chmod('.', 0o2751)
os.utime('.', ns=(7, -7_000_000_007))
`;

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
