import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../engines/mongodb/archive/crc64.ts';
import { ArchiveReader, type ArchiveSummary } from '../../engines/mongodb/archive/reader.ts';
import { generator } from '../fixtures/random.ts';

const terminator = Buffer.from([255, 255, 255, 255]);
const bson = (document: BSON.Document) => Buffer.from(BSON.serialize(document));

function crcOf(bytes: Buffer): bigint {
  const crc = new Crc64();
  crc.update(bytes, 0, bytes.length);
  return crc.value();
}

interface Block {
  db: string;
  collection: string;
  documents: Buffer[];
}

/** An archive as mongodump writes one (mongo-tools, `common/archive`), with what is asked for. */
function archiveOf(
  prelude: { db: string; collection: string; type: string }[],
  blocks: Block[],
  { crcs = {} as Record<string, bigint>, without = '' } = {},
): Buffer {
  const pieces: Buffer[] = [Buffer.from([0x6d, 0xe2, 0x99, 0x81])];
  pieces.push(bson({ concurrent_collections: 4, version: '0.1', server_version: '7.0', tool_version: '1' }));
  for (const each of prelude) pieces.push(bson({ ...each, metadata: '{}', size: 0 }));
  pieces.push(terminator);
  const passed = new Map<string, Buffer[]>();
  for (const { db, collection, documents } of blocks) {
    pieces.push(bson({ db, collection, EOF: false, CRC: BSON.Long.ZERO }), ...documents, terminator);
    passed.set(`${db}.${collection}`, [...(passed.get(`${db}.${collection}`) ?? []), ...documents]);
  }
  for (const [name, documents] of passed) {
    if (name === without) continue;
    const [db = '', ...rest] = name.split('.');
    const crc = crcs[name] ?? crcOf(Buffer.concat(documents));
    pieces.push(
      bson({ db, collection: rest.join('.'), EOF: true, CRC: BSON.Long.fromBigInt(crc) }),
      terminator,
    );
  }
  return Buffer.concat(pieces);
}

function read(archive: Buffer, pieces: number[] = [archive.length], oplog: Buffer[] = []): ArchiveSummary {
  const reader = new ArchiveReader((entry) => oplog.push(entry));
  let at = 0;
  for (let n = 0; at < archive.length; n += 1) {
    const length = pieces[n % pieces.length] ?? 1;
    reader.push(archive.subarray(at, at + length));
    at += length;
  }
  return reader.end();
}

const documents = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => bson({ _id: from + n, text: 'x'.repeat(n * 7) }));
const entry = (t: number, i: number) => bson({ op: 'i', ns: 'a.b', ts: new BSON.Timestamp({ t, i }), o: {} });

const prelude = [
  { db: 'a', collection: 'b', type: 'collection' },
  { db: 'a', collection: 'empty', type: '' },
  { db: 'a', collection: 'v', type: 'view' },
  { db: 'a', collection: 'series', type: 'timeseries' },
  { db: '', collection: 'oplog', type: '' },
];
const blocks: Block[] = [
  { db: 'a', collection: 'b', documents: documents(0, 20) },
  { db: 'a', collection: 'system.buckets.series', documents: documents(0, 3) },
  { db: 'a', collection: 'b', documents: documents(20, 30) },
  { db: 'a', collection: 'empty', documents: [] },
  { db: '', collection: 'oplog', documents: [entry(7, 1), entry(9, 4)] },
];

test('the checksum is that of ECMA-182, whatever the pieces', () => {
  expect(BigInt.asUintN(64, crcOf(Buffer.from('123456789'))).toString(16)).toBe('995dc9bbdf1939fa');
  const random = generator(64);
  const bytes = Buffer.from(Array.from({ length: 1000 }, () => Math.floor(random() * 256)));
  const crc = new Crc64();
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + Math.floor(random() * 30));
    crc.update(bytes, at, end);
    at = end;
  }
  expect(crc.value()).toBe(crcOf(bytes));
});

describe('an archive of mongodump', () => {
  test('is read in pieces of any size, to numbers of documents and the ends of its oplog', () => {
    const archive = archiveOf(prelude, blocks);
    const oplog: Buffer[] = [];
    const whole = read(archive, [archive.length], oplog);
    expect(whole).toMatchObject({
      server_version: '7.0',
      oplog: { entries: 2, first: { t: 7, i: 1 }, last: { t: 9, i: 4 } },
    });
    expect(whole.data.map(({ collection, documents: count }) => [collection, count])).toEqual([
      ['b', 30],
      ['system.buckets.series', 3],
      ['empty', 0],
    ]);
    expect(whole.collections.map(({ type }) => type)).toEqual([
      'collection',
      'collection',
      'view',
      'timeseries',
      'collection',
    ]);
    expect(oplog).toEqual([entry(7, 1), entry(9, 4)]);
    for (const pieces of [[1], [3, 5, 1], [4096], [17]]) expect(read(archive, pieces)).toEqual(whole);
  });

  test('that is cut, at any byte, is not whole', () => {
    const archive = archiveOf(prelude, blocks);
    for (let length = 0; length < archive.length; length += 1) {
      expect(() => read(archive.subarray(0, length)), `at ${length}`).toThrow(/archive/);
    }
  });

  test('with a flipped bit in a document, or a wrong checksum, is found out', () => {
    const archive = archiveOf(prelude, blocks);
    const at = archive.indexOf('xxxxxxx');
    archive[at + 3] = 0x79;
    expect(() => read(archive)).toThrow(/checksum of a\.b/);
    expect(() => read(archiveOf(prelude, blocks, { crcs: { 'a.empty': 1n } }))).toThrow(
      /checksum of a\.empty/,
    );
  });

  test('in which a collection has no end, or one that was announced never comes, is not whole', () => {
    expect(() => read(archiveOf(prelude, blocks, { without: 'a.empty' }))).toThrow(/before a\.empty does/);
    const more = [...prelude, { db: 'a', collection: 'never', type: '' }];
    expect(() => read(archiveOf(more, blocks))).toThrow(/before a\.never does/);
    const buckets = blocks.filter(({ collection }) => collection !== 'system.buckets.series');
    expect(() => read(archiveOf(prelude, buckets))).toThrow(/system\.buckets\.series/);
  });

  test('is told from what is none', () => {
    expect(() => read(Buffer.from('PGDMP and more'))).toThrow(/no archive of mongodump/);
    expect(() => read(Buffer.alloc(0))).toThrow(/ends in the middle/);
    const trailing = Buffer.concat([archiveOf(prelude, blocks), Buffer.from([1, 2, 3])]);
    expect(() => read(trailing)).toThrow(/ends in the middle/);
  });
});
