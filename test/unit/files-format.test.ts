import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Complaints } from '../../engines/files/complaints.ts';
import { hashContent } from '../../engines/files/content-hash.ts';
import { facts } from '../../engines/files/facts.ts';
import { shownPath, toLine } from '../../engines/files/index-line.ts';
import { checkPattern, matches, treePath } from '../../engines/files/pattern.ts';
import { fromMember, type Member, parseHeader, parsePax, toMember } from '../../engines/files/tar-format.ts';
import { ChildFailedError } from '../../engines/process/child.ts';

const member: Member = {
  path: Buffer.from('./file'),
  type: 'file',
  size: 5,
  stored: 5,
  mode: 0o4711,
  uid: 0,
  gid: 4_294_967_294,
  mtime: 0n,
  link: null,
  device: null,
  sparse: false,
  extra: [],
};

/** What is read of the header that is written for a member. */
function again(of: Member): Member {
  const blocks = fromMember(of);
  const pax = parseHeader(blocks.subarray(0, 512));
  const records = parsePax(blocks.subarray(512, 512 + pax.size));
  return toMember(parseHeader(blocks.subarray(blocks.length - 512)), records);
}

describe('a header of tar', () => {
  test.each<[string, Partial<Member>]>([
    ['a file', {}],
    ['a name of bytes', { path: Buffer.from([0x2e, 0x2f, 0xff, 0x0a, 0x3d]) }],
    ['a name of 4,000 bytes', { path: Buffer.alloc(4000, 'x') }],
    ['a time before 1970', { mtime: -1_500_000_001n }],
    ['the nanosecond before 1970', { mtime: -1n }],
    ['a time far away', { mtime: 9_000_000_000_123_456_789n }],
    ['9 TiB', { size: 9 * 1024 ** 4, stored: 9 * 1024 ** 4 }],
    ['a symbolic link', { type: 'symlink', link: Buffer.from('../\xff', 'latin1'), size: 0, stored: 0 }],
    ['a device', { type: 'block device', device: [259, 300], size: 0, stored: 0 }],
    ['a sparse file', { sparse: true, size: 10 ** 12, stored: 1024 }],
    ['attributes', { extra: [{ key: 'SCHILY.xattr.user.x', value: Buffer.from([0, 10, 61, 255]) }] }],
  ])('is read as it was written: %s', (_name, of) => {
    expect(again({ ...member, ...of })).toEqual({ ...member, ...of });
  });

  test('with a wrong sum is refused, and so are numbers and records that are none', () => {
    const block = fromMember(member).subarray(-512);
    block[0] = (block[0] ?? 0) + 1;
    expect(() => parseHeader(block)).toThrow('checksum');
    for (const record of ['4 a=\n', '99 path=x\n', '12 path=xy\n!', 'x path=y\n', '8 pathx\n', '-1 a=b\n']) {
      expect(() => parsePax(Buffer.from(record)), record).toThrow('pax record');
    }
    const { block: own, ...header } = parseHeader(fromMember(member).subarray(-512));
    for (const records of [
      [{ key: 'size', value: Buffer.from('-512') }],
      [{ key: 'size', value: Buffer.from('0x10') }],
      [{ key: 'mtime', value: Buffer.from('now') }],
      [{ key: 'GNU.dumpdir', value: Buffer.from('Dx') }],
      [{ key: 'GNU.sparse.major', value: Buffer.from('0') }],
    ]) {
      expect(() => toMember({ ...header, block: own }, records)).toThrow('the archive has');
    }
  });
});

describe('the content of a sparse file', () => {
  const sparse = (size: number, map: string, data: string) => {
    const bytes = Buffer.concat([Buffer.from(map.padEnd(512, '\0')), Buffer.from(data)]);
    return { of: { ...member, sparse: true, size, stored: bytes.length }, bytes };
  };
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

  test.each([1, 7, 511, 4096])('is hashed with its holes, in pieces of %i bytes', (length) => {
    const { of, bytes } = sparse(30, '2\n5\n4\n20\n3\n', 'datadat');
    const pieces = function* () {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
    };
    const whole = Buffer.alloc(30);
    whole.write('data', 5);
    whole.write('dat', 20);
    expect(hashContent(of, pieces())).toEqual({ sha256: hash(whole) });
  });

  test('is hashed without its holes where these are long', () => {
    const { of, bytes } = sparse(2 * 1024 ** 4, `2\n${1024 ** 4}\n4\n${2 * 1024 ** 4}\n0\n`, 'data');
    expect(hashContent(of, [bytes])).toEqual({
      sha256: null,
      data_sha256: hash(Buffer.from('data')),
      regions: [[1024 ** 4, 4]],
    });
  });

  test.each([
    ['goes backwards', '2\n20\n3\n5\n4\n', 'datadat'],
    ['says more than there is', '1\n0\n9\n', 'data'],
    ['says less than there is', '1\n0\n2\n', 'data'],
    ['is beyond its end', '1\n28\n4\n', 'data'],
    ['is none', 'none\n', 'data'],
    ['has numbers that are none', '1\nx\n4\n', 'data'],
  ])('whose map %s is refused', (_name, map, data) => {
    const { of, bytes } = sparse(30, map, data);
    expect(() => hashContent(of, [bytes])).toThrow('sparse file');
  });
});

describe('names and patterns', () => {
  test('that are no UTF-8 stand in the index as base64, and are shown without harm', () => {
    const path = Buffer.from([0x61, 0xff, 0x0a]);
    expect(toLine(member, path, null, null)).toMatchObject({ path_base64: 'Yf8K' });
    expect(toLine(member, Buffer.from('größe'), null, null)).toMatchObject({ path: 'größe' });
    expect(shownPath(path)).toBe('a\\xff\\x0a');
    expect(shownPath(Buffer.from('a\u202eb\u{1b}[2J'))).toBe('a\\u{202e}b\\x1b[2J');
  });

  test.each<[string, string, boolean]>([
    ['*.log', 'a/b.log', true],
    ['*.log', 'a/b.log/c', true],
    ['*.log', 'a/b.logs', false],
    ['/a', 'a/b', true],
    ['/a', 'b/a', false],
    ['a', 'b/a', true],
    ['b/a', 'x/b/a', true],
    ['a*', 'xa', false],
    ['?', 'é', true],
    ['[ab]', 'b', true],
    ['[!ab]', 'b', false],
    ['\\*', 'x', false],
    ['\\*', '*', true],
    ['a+(b)', 'aab', false],
    ['cache/', 'x/cache/y', true],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(matches([pattern], path)).toBe(expected);
  });

  test('are refused where they mean everything, or lead out', () => {
    for (const pattern of ['', '/', '//', 'a\nb', '../x', 'a/../b']) {
      expect(() => checkPattern(pattern, 'it'), pattern).toThrow(/^it /);
    }
    expect(['/a//b/', './a', 'a', '.', '/'].map((text) => treePath(text, 'it'))).toEqual([
      'a/b',
      'a',
      'a',
      '.',
      '.',
    ]);
    for (const text of ['', '..', 'a/..', 'a/../../b', 'a\0b'])
      expect(() => treePath(text, 'it'), text).toThrow();
  });
});

describe('a URL of files', () => {
  test.each([
    ['file:///srv/www', 'file:///srv/www'],
    ['FILE:///srv//www/./x/../', 'file:///srv/www'],
    ['file:///', 'file:///'],
    ['file:///a%20b/%3F', 'file:///a%20b/%3F'],
    ['file:///a?mounts=skip&exclude=*.log&exclude=/x%26y', 'file:///a?exclude=*.log&exclude=/x%26y'],
    ['file:///a?mounts=cross&unreadable=b', 'file:///a?unreadable=b&mounts=cross'],
  ])('%s is %s', (url, normal) => {
    expect(facts.checkUrl(url)).toBe(normal);
    expect(facts.checkUrl(normal)).toBe(normal);
    expect(facts.directoriesIn?.(normal)).toEqual([
      decodeURIComponent(/^file:\/\/([^?]*)/.exec(normal)?.[1] ?? ''),
    ]);
  });

  test.each([
    'file:/a',
    'file://',
    'file://host/a',
    'file://user:word@/a',
    'file:///a#b',
    'file:///%ff',
    'file:///a%0ab',
    'file:///a?exclude=',
    'file:///a?exclude=../b',
    'file:///a?mounts=maybe',
    'file:///a?mounts=skip&mounts=cross',
    'file:///a?nonsense=hunter2word',
  ])('%s is refused in one line', (url) => {
    expect(() => facts.checkUrl(url)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => facts.checkUrl(url)).not.toThrow(/\n|word/);
  });
});

describe("tar's complaints", () => {
  const failure = () =>
    new ChildFailedError({ name: 'tar', code: 2, signal: null, terminated: false }, ['the last words']);
  const heard = (allowed: string[], ...lines: string[]) => {
    const complaints = new Complaints(allowed);
    for (const line of lines) complaints.add(line);
    return complaints;
  };

  test('of what merely changed are no failure, and named', () => {
    const complaints = heard(
      [],
      '/usr/bin/tar: ./a\\nb: file changed as we read it',
      'tar: ./c: File removed before we read it',
      'tar: ./d: File shrank by 5 bytes; padding with zeros',
      'tar: ./e: socket ignored',
    );
    expect(() => complaints.judge(1, failure)).not.toThrow();
    expect(Object.keys(complaints.details())).toEqual(['changed', 'vanished', 'shrank', 'ignored']);
    expect(complaints.warnings()[0]).toMatch(/^a\\nb changed while/);
  });

  test('of what could not be read fail the backup, but where each of them is allowed by name', () => {
    const lines = [
      'tar: ./x\\377/a: Cannot open: Permission denied',
      'tar: ./b c: Read error at byte 0, while reading 10 bytes: Input/output error',
      'tar: Exiting with failure status due to previous errors',
    ];
    expect(() => heard([], ...lines).judge(2, failure)).toThrow('x\\377/a: Cannot open: Permission denied');
    expect(() => heard(['b c'], ...lines).judge(2, failure)).toThrow(
      'not everything could be read: x\\377/a',
    );
    const allowed = heard(['b c', '/x?'], ...lines);
    expect(() => allowed.judge(2, failure)).not.toThrow();
    expect(allowed.details()).toMatchObject({ unreadable: { count: 2 } });
  });

  test('that nobody knows, or none at all, leave its exit code a failure', () => {
    expect(() => heard([]).judge(2, failure)).toThrow('the last words');
    expect(() => heard([], 'tar: ./a: socket ignored').judge(1, failure)).toThrow('the last words');
    expect(() =>
      heard([], 'tar: ./a: file changed as we read it', 'tar: something else entirely').judge(2, failure),
    ).toThrow('the last words');
    expect(() => heard([], 'tar: ./a: file changed as we read it').judge(2, failure)).toThrow(
      'the last words',
    );
    expect(() => heard([]).judge(0, failure)).not.toThrow();
  });

  test('are counted beyond what is named', () => {
    const complaints = heard(
      [],
      ...Array.from({ length: 1000 }, (_, n) => `tar: ./f${n}: file changed as we read it`),
    );
    expect(complaints.details().changed).toMatchObject({ count: 1000 });
    expect(complaints.details().changed?.names).toHaveLength(200);
    expect(complaints.warnings()).toHaveLength(21);
  });
});
