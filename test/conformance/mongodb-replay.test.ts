import { BSON, type MongoClient } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OplogReplay } from '../../engines/mongodb/oplog/replay.ts';
import { readOrdered } from '../../engines/mongodb/ordered-bson.ts';
import { parseOrdered } from '../../engines/mongodb/ordered-json.ts';
import { createIndexes, type WantedIndexes } from '../../engines/mongodb/restore-indexes.ts';
import { type MongoServer, startMongo } from '../servers/ferretdb.ts';

let server: MongoServer;
let client: MongoClient;
let indexes: WantedIndexes;
let replay: OplogReplay;
const filled = 'filled';

beforeAll(async () => {
  server = await startMongo({ auth: false });
  client = await server.connect();
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
});
beforeEach(async () => {
  await client.db(filled).dropDatabase();
  indexes = new Map();
  const takes = (collection: string) => collection !== 'left';
  replay = new OplogReplay(client, new Map([['shop', { filled, takes, indexes }]]));
});

/** Entries of extended JSON, all but what every entry has. */
async function apply(...entries: string[]): Promise<void> {
  for (const [n, text] of entries.entries()) {
    const entry = parseOrdered(text) as Map<string, unknown>;
    entry.set('ts', new BSON.Timestamp({ t: 1700000000, i: n + 1 }));
    await replay.apply(entry);
  }
}

async function stored(collection: string): Promise<string[]> {
  const found = await client
    .db(filled)
    .collection(collection)
    .find({}, { raw: true, sort: { _id: 1 } })
    .toArray();
  return (found as unknown as Buffer[]).map((raw) =>
    [...readOrdered(Buffer.from(raw))]
      .map(([name, value]) => `${name}=${BSON.EJSON.stringify(value)}`)
      .join(' '),
  );
}

const insert = (id: number, more = '') => `{"op":"i","ns":"shop.a","o":{"_id":${id}${more}}}`;

describe('the oplog of a dump, done again in another database', () => {
  test('inserts, replaces, removes, and may have been seen by the dump already', async () => {
    const entries = [
      insert(1, ',"x":1'),
      insert(2, ',"10":1,"2":2,"a":3'),
      insert(3),
      '{"op":"u","ns":"shop.a","o":{"_id":1,"x":2},"o2":{"_id":1}}',
      '{"op":"d","ns":"shop.a","o":{"_id":3}}',
      '{"op":"d","ns":"shop.a","o":{"_id":99}}',
      '{"op":"n","ns":"","o":{"msg":"periodic noop"}}',
      '{"op":"i","ns":"other.a","o":{"_id":7}}',
      '{"op":"i","ns":"shop.left","o":{"_id":7}}',
    ];
    for (let twice = 0; twice < 2; twice += 1) {
      await apply(...entries);
      expect(await stored('a')).toEqual(['_id=1 x=2', '_id=2 10=1 2=2 a=3']);
    }
    expect(await client.db(filled).listCollections({}, { nameOnly: true }).toArray()).toHaveLength(1);
  });

  test('updates in the format before MongoDB 5.0, and since', async () => {
    await apply(insert(1, ',"x":1,"y":{"z":[1,2]}'), insert(2, ',"x":1,"y":{"z":[1,2]}'));
    await apply(
      '{"op":"u","ns":"shop.a","o":{"$v":1,"$set":{"x":5,"n":true},"$unset":{"y":true}},"o2":{"_id":1}}',
    );
    await apply(
      '{"op":"u","ns":"shop.a","o":{"$v":2,"diff":{"u":{"x":5},"i":{"n":true},"sy":{"sz":{"a":true,"l":1}}}},"o2":{"_id":2}}',
    );
    expect(await stored('a')).toEqual(['_id=1 x=5 n=true', '_id=2 x=5 y={"z":[1]} n=true']);
    // Of a document that was removed later, and is not in the dump.
    await apply(
      '{"op":"u","ns":"shop.a","o":{"$v":2,"diff":{"u":{"x":5}}},"o2":{"_id":3}}',
      '{"op":"u","ns":"shop.a","o":{"$v":1,"$set":{"x":5}},"o2":{"_id":4}}',
    );
    expect(await stored('a')).toHaveLength(2);
  });

  test('transactions, all of them or none, whatever else is between their entries', async () => {
    const session = (n: number) => `"lsid":{"id":"s"},"txnNumber":{"$numberLong":"${n}"}`;
    const ops = (...ids: number[]) => `"applyOps":[${ids.map((id) => insert(id)).join(',')}]`;
    const entry = (o: string, n: number) => `{"op":"c","ns":"admin.$cmd","o":{${o}},${session(n)}}`;
    await apply(entry(`${ops(1)},"partialTxn":true`, 1), entry(`${ops(5)},"prepare":true`, 2), insert(9));
    expect(await stored('a')).toEqual(['_id=9']);
    await apply(
      entry(`${ops(2, 3)}`, 1),
      entry('"abortTransaction":1', 2),
      entry('"commitTransaction":1', 3),
    );
    expect(await stored('a')).toEqual(['_id=1', '_id=2', '_id=3', '_id=9']);
  });

  test('collections and indexes that come and go; indexes are made once at the end', async () => {
    const c = (o: string) => `{"op":"c","ns":"shop.$cmd","o":${o}}`;
    await apply(
      c('{"create":"a","idIndex":{"v":2,"key":{"_id":1},"name":"_id_"}}'),
      c('{"create":"a"}'),
      c('{"create":"capped","capped":true,"size":{"$numberInt":"4096"}}'),
      c('{"create":"gone"}'),
      c('{"drop":"gone"}'),
      c('{"drop":"never there"}'),
      c('{"createIndexes":"a","v":2,"key":{"2":1,"1":-1},"name":"kept"}'),
      c('{"startIndexBuild":"a","indexes":[{"v":2,"key":{"y":1},"name":"built"}]}'),
      c('{"commitIndexBuild":"a","indexes":[{"v":2,"key":{"y":1},"name":"built","unique":true}]}'),
      c('{"createIndexes":"a","v":2,"key":{"z":1},"name":"dropped"}'),
      c('{"dropIndexes":"a","index":"dropped"}'),
      c('{"collMod":"a","index":{"name":"built","hidden":false}}'),
    );
    const listed = await client.db(filled).listCollections({}, { nameOnly: true }).toArray();
    expect(listed.map(({ name }) => name).sort()).toEqual(['a', 'capped']);
    expect(indexes.get('a')?.map((index) => index.get('name'))).toEqual(['kept', 'built']);
    indexes.get('a')?.at(1)?.delete('hidden'); // FerretDB knows none
    expect(await createIndexes(client, filled, indexes)).toBe(2);
    const made = await client.db(filled).collection('a').listIndexes().toArray();
    expect(made.map(({ name, unique }) => [name, unique]).sort()).toEqual([
      ['_id_', undefined],
      ['built', true],
      ['kept', undefined],
    ]);
    await apply(c('{"dropDatabase":1}'));
    expect(await client.db(filled).listCollections().toArray()).toEqual([]);
    expect(indexes.size).toBe(0);
  });

  test('what cannot be done again ends it, by name', async () => {
    const rename = '{"op":"c","ns":"shop.$cmd","o":{"renameCollection":"shop.a","to":"shop.b"}}';
    await expect(apply(rename)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/entry 1700000000:1 of shop\.\$cmd.*renameCollection/),
    });
    await expect(apply('{"op":"zz","ns":"shop.a","o":{}}')).rejects.toThrow(/"zz" that is not known/);
    await apply(rename.replaceAll('shop.', 'other.'));
  });
});
