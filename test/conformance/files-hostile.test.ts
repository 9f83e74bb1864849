import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Readable } from 'node:stream';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreSource } from '../../engines/engine.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Ground, removeFolder, restoreFiles } from './files-kit.ts';

/**
 * Archives that no backup of ours ever is, each by lines of Python that fill the tar file `t`. `add(name, …)` writes a
 * member; OUT is a directory outside of the target with a file `victim`.
 */
const hostile: Readonly<Record<string, string>> = {
  'a name with ..': `root(); add('./../evil', data=b'x')`,
  'a name with .. further in': `root(); add('./a', type=DIRTYPE); add('./a/../../evil', data=b'x')`,
  'an absolute name': `root(); add(OUT + '/evil', data=b'x')`,
  'an absolute name as directory': `root(); add(OUT, type=DIRTYPE, mode=0o777)`,
  'a file through a symbolic link': `root(); add('./s', type=SYMTYPE, linkname=OUT); add('./s/evil', data=b'x')`,
  'a file through a symbolic link that replaced a directory': `root(); add('./s', type=DIRTYPE); add('./s', type=SYMTYPE, linkname=OUT); add('./s/evil', data=b'x')`,
  'a file through a symbolic link that came after another directory': `root(); add('./s', type=DIRTYPE); add('./t', type=DIRTYPE); add('./s', type=SYMTYPE, linkname=OUT); add('./s/evil', data=b'x')`,
  'a directory through a symbolic link': `root(); add('./s', type=SYMTYPE, linkname=OUT); add('./s/', type=DIRTYPE, mode=0o777); add('./s/evil', data=b'x')`,
  'a file over a symbolic link': `root(); add('./s', type=SYMTYPE, linkname=OUT + '/victim'); add('./s', data=b'overwritten')`,
  'a hard link to an absolute name': `root(); add('./h', type=LNKTYPE, linkname=OUT + '/victim')`,
  'a hard link with ..': `root(); add('./h', type=LNKTYPE, linkname='./../out/victim')`,
  'a hard link through a symbolic link': `root(); add('./s', type=SYMTYPE, linkname=OUT); add('./h', type=LNKTYPE, linkname='./s/victim'); add('./h', data=b'overwritten')`,
  'a hard link to a symbolic link, written through': `root(); add('./s', type=SYMTYPE, linkname=OUT + '/victim'); add('./h', type=LNKTYPE, linkname='./s'); add('./h', data=b'overwritten')`,
  'a root that is a symbolic link': `add('./', type=SYMTYPE, linkname=OUT); add('./evil', data=b'x')`,
  'a second root that is a symbolic link': `root(); add('.', type=SYMTYPE, linkname=OUT); add('./evil', data=b'x')`,
  'no root at all': `add('./evil', data=b'x')`,
  'a part of a name of 300 bytes': `root(); add('./' + 'x' * 300, data=b'x')`,
  'a name of 20,000 bytes': `
root()
path = '.'
for i in range(100):
    path += '/' + 'd' * 199
    add(path, type=DIRTYPE)`,
  'a name with a NUL': `root(); add('./a', data=b'x', pax={'path': './a\\0/../../evil'})`,
  'a member of a type that removes files': `root(); add('./', type=b'D', data=b'Xvictim\\0')`,
  'a multi-volume member': `root(); add('./m', type=b'M', data=b'x')`,
  'a long name of the old format': `root(); add('././@LongLink', type=b'L', data=b'../evil\\0'); add('./a', data=b'x')`,
  'a symbolic link with content': `root(); add('./s', type=SYMTYPE, linkname='a', data=b'#!', size=2)`,
  'a sparse file whose map goes backwards': `root(); add('./s', data=b'2\\n100\\n4\\n0\\n4\\n'.ljust(512, b'\\0') + b'datadata', pax={'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': './../evil', 'GNU.sparse.realsize': '104'})`,
  'a sparse file by another name': `root(); add('./s', data=b'1\\n0\\n4\\n'.ljust(512, b'\\0') + b'data', pax={'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': OUT + '/evil', 'GNU.sparse.realsize': '4'})`,
  'sizes on which two readers may disagree': `root(); add('./a', data=b'', size=0, pax={'size': '-512'})`,
  'attributes of a gigabyte': `root(); raw(b'./x'.ljust(100, b'\\0') + b'0000644\\0' * 3 + b'07777777777\\0' + b'00000000000\\0', b'x')`,
  'an end that is cut off': `root(); add('./a', data=b'x' * 100_000); cut = True`,
  'something behind its end': `root(); add('./a', data=b'x'); more = b'evil'`,
};

const preface = `
import io, json, os, sys, tarfile
from tarfile import DIRTYPE, SYMTYPE, LNKTYPE, REGTYPE
OUT = os.path.abspath('out')
def record(key, value):
    body = b' ' + key.encode() + b'=' + value + b'\\n'
    size = len(body)
    while len(str(size)) + len(body) != size: size = len(str(size)) + len(body)
    return str(size).encode() + body
def pad(data): return data + b'\\0' * (-len(data) % 512)
def block(name, size, type, linkname=b'', mode=0o644):
    text = name[:100].ljust(100, b'\\0') + b'%07o\\0' % mode + b'0000000\\0' * 2 + b'%011o\\0' % size + b'00000000000\\0' + b' ' * 8 + type + linkname[:100].ljust(100, b'\\0') + b'ustar\\x0000'
    text = text.ljust(512, b'\\0')
    return text[:148] + b'%06o\\0 ' % sum(text) + text[156:]
def raw(start, type):
    text = (start + b' ' * 8 + type).ljust(257, b'\\0') + b'ustar\\x0000'
    text = text.ljust(512, b'\\0')
    out.write(text[:148] + b'%06o\\0 ' % sum(text) + text[156:])
def add(name, type=REGTYPE, linkname='', data=b'', mode=0o644, size=None, pax={}):
    records = {'path': name.encode(), **({'linkpath': linkname.encode()} if linkname else {}), **{k: v.encode() for k, v in pax.items()}}
    body = b''.join(record(k, v) for k, v in records.items())
    out.write(block(b'pax', len(body), b'x') + pad(body))
    out.write(block(name.encode(), len(data) if size is None else size, type, linkname.encode(), mode))
    out.write(pad(data))
def root(): add('./', type=DIRTYPE, mode=0o755)
`;

const benign = `root(); add('./s', type=SYMTYPE, linkname='../out', mode=0o777)`;

/** What a restore does not see by the archive alone: GNU tar makes links that lead outside only at its end. */
const leftToTar = /over a symbolic link|through a symbolic link$|written through|300 bytes|20,000/;

describe('an archive that means harm', () => {
  let ground: Ground;
  const archives = Object.values(hostile);

  beforeAll(async () => {
    ground = await Ground.make();
    mkdirSync(ground.at('out'));
    writeFileSync(ground.at('out', 'victim'), 'untouched');
    writeFileSync(ground.at('archives.json'), JSON.stringify([...archives, benign]));
    execFileSync(
      'python3',
      [
        '-c',
        `${preface}
for n, lines in enumerate(json.load(open('archives.json'))):
    out = io.BytesIO(); cut = False; more = b''
    exec(lines)
    whole = out.getvalue()
    with open('t%d.tar' % n, 'wb') as file: file.write(whole[:-50_000] if cut else whole + b'\\0' * 10240 + more)`,
      ],
      { cwd: ground.path },
    );
  });

  afterAll(() => ground[Symbol.asyncDispose]());

  const restoreHostile = async (n: number, index: string) => {
    const source: RestoreSource = {
      manifest: {
        ...({} as Manifest),
        contents: [{ name: '/tree', stream: 'files.tar.zst', size: 1 }],
        details: {},
      },
      open: async (stream) =>
        Readable.from([
          zstdCompressSync(stream === 'files.tar.zst' ? readFileSync(ground.at(`t${n}.tar`)) : index),
        ]),
      index: async () => ({}),
    };
    return restoreFiles(ground.at('target'), { source });
  };
  const outside = () =>
    ['out', 'out/victim'].map((name) => {
      const { mode, nlink, mtimeNs, ctimeNs, size } = statSync(ground.at(name), { bigint: true });
      return [name, mode, nlink, mtimeNs, ctimeNs, size, readdirSync(ground.at('out')).join()].join();
    });

  test.each(Object.keys(hostile).map((name, n) => [name, n] as const))(
    'by %s writes nothing outside of the target',
    async (name, n) => {
      const [before, beside] = [outside(), readdirSync(ground.path)];
      const { status, note } = await restoreHostile(n, '{"end":true,"files":0,"bytes":0}\n');
      expect(status).toBe('failed');
      expect(note).toMatch(leftToTar.test(name) ? /./ : /the archive has /);
      expect(outside()).toEqual(before);
      expect(readdirSync(ground.path)).toEqual(beside);
      expect(existsSync(ground.at('target'))).toBe(false);
    },
  );

  test('may have links that lead outside, which are restored and not followed', async () => {
    const line = (path: string, more: object) =>
      JSON.stringify({ path, size: 0, mode: '0755', uid: 0, gid: 0, mtime_ns: '0', ...more });
    const index = [
      line('.', { type: 'directory' }),
      line('s', { type: 'symlink', mode: '0777', link: '../out' }),
      '{"end":true,"files":2,"bytes":0}\n',
    ].join('\n');
    const before = outside();
    const { status, note } = await restoreHostile(archives.length, index);
    expect(status, note).toBe('restored');
    expect(readlinkSync(ground.at('target', 's'))).toBe('../out');
    expect(outside()).toEqual(before);
    await removeFolder(ground.at('target'));
  });
});
