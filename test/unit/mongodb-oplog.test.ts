import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { applyDelta } from '../../engines/mongodb/oplog/delta.ts';
import { type Entry, Transactions } from '../../engines/mongodb/oplog/transactions.ts';
import { readOrdered } from '../../engines/mongodb/ordered-bson.ts';
import { field, indexSpecifications, isDocument, parseOrdered } from '../../engines/mongodb/ordered-json.ts';

/** A document of extended JSON, its fields in their order. */
const doc = (text: string) => parseOrdered(text) as Map<string, unknown>;
const bytes = (value: unknown) => Buffer.from(BSON.serialize(value as BSON.Document)).toString('hex');

describe('a difference of an oplog entry since MongoDB 5.0', () => {
  // In the format of the server's `doc_diff`, by the update that makes each.
  test.each([
    ['$set of a field that is there', '{"_id":1,"a":1,"b":2}', '{"u":{"a":5}}', '{"_id":1,"a":5,"b":2}'],
    ['$set of a new one', '{"_id":1,"a":1}', '{"i":{"z":2}}', '{"_id":1,"a":1,"z":2}'],
    [
      'a new one that is there by now goes to the end',
      '{"_id":1,"z":0,"a":1}',
      '{"i":{"z":2}}',
      '{"_id":1,"a":1,"z":2}',
    ],
    ['$unset', '{"_id":1,"a":1,"b":2}', '{"d":{"a":false}}', '{"_id":1,"b":2}'],
    [
      'within',
      '{"_id":1,"s":{"x":1,"y":{"z":1}}}',
      '{"ss":{"u":{"x":2},"sy":{"d":{"z":false},"i":{"w":1}}}}',
      '{"_id":1,"s":{"x":2,"y":{"w":1}}}',
    ],
    ['$push', '{"_id":1,"l":[1,2]}', '{"sl":{"a":true,"u2":3}}', '{"_id":1,"l":[1,2,3]}'],
    ['$pop', '{"_id":1,"l":[1,2,3]}', '{"sl":{"a":true,"l":2}}', '{"_id":1,"l":[1,2]}'],
    ['beyond the end', '{"_id":1,"l":[1]}', '{"sl":{"a":true,"u3":4}}', '{"_id":1,"l":[1,null,null,4]}'],
    [
      'within an array',
      '{"_id":1,"l":[{"a":1},{"a":2}]}',
      '{"sl":{"a":true,"s1":{"u":{"a":9}}}}',
      '{"_id":1,"l":[{"a":1},{"a":9}]}',
    ],
    ['of a field that is no document any more', '{"_id":1,"s":7}', '{"ss":{"u":{"x":2}}}', '{"_id":1,"s":7}'],
    ['of an array that is gone', '{"_id":1}', '{"sl":{"a":true,"u0":3}}', '{"_id":1}'],
    [
      'names that are numbers',
      '{"_id":1,"10":1,"2":1}',
      '{"u":{"2":5},"i":{"1":7}}',
      '{"_id":1,"10":1,"2":5,"1":7}',
    ],
  ])('%s', (_what, before, diff, after) => {
    const changed = applyDelta(doc(before), parseOrdered(diff));
    expect(bytes(changed)).toBe(bytes(doc(after)));
    // An entry may have been seen by the dump already.
    expect(bytes(applyDelta(changed, parseOrdered(diff)))).toBe(bytes(doc(after)));
  });

  test('with a section that is not known is refused, not passed over', () => {
    expect(() => applyDelta(doc('{"_id":1}'), parseOrdered('{"q":{"a":1}}'))).toThrow(/section "q"/);
    expect(() => applyDelta(doc('{"l":[1]}'), parseOrdered('{"sl":{"a":true,"x1":1}}'))).toThrow(
      /section "x1"/,
    );
  });
});

describe('transactions of an oplog', () => {
  const session =
    '"lsid":{"id":{"$uuid":"01890a5d-ac96-774b-bcce-b302099a8057"}},"txnNumber":{"$numberLong":"7"}';
  const entry = (o: string, of = session) =>
    doc(`{"op":"c","ns":"admin.$cmd","o":${o}${of === '' ? '' : `,${of}`}}`);
  const operations = (e: Entry) => field(e.get('o'), 'applyOps') as unknown[];
  const op = (n: number) => `{"op":"i","ns":"a.b","o":{"_id":${n}}}`;
  const ids = (entries: Entry[]) => entries.map((each) => Number(field(each.get('o'), '_id')));

  test('count at once where they are one entry, or no transaction', () => {
    for (const one of [
      entry(`{"applyOps":[${op(1)},${op(2)}]}`),
      entry(`{"applyOps":[${op(1)},${op(2)}]}`, ''),
    ]) {
      expect(ids(new Transactions().applyOps(one, operations(one)))).toEqual([1, 2]);
    }
  });

  test('of several entries count with the last one, in their order', () => {
    const all = new Transactions();
    for (const n of [1, 2]) {
      const part = entry(`{"applyOps":[${op(n)}],"partialTxn":true}`);
      expect(all.applyOps(part, operations(part))).toEqual([]);
    }
    const last = entry(`{"applyOps":[${op(3)}],"count":{"$numberLong":"3"}}`);
    expect(ids(all.applyOps(last, operations(last)))).toEqual([1, 2, 3]);
    expect(ids(all.applyOps(last, operations(last)))).toEqual([3]);
  });

  test('that are prepared count when they are committed, and never when they are aborted', () => {
    const prepared = entry(`{"applyOps":[${op(1)}],"prepare":true}`);
    const all = new Transactions();
    expect(all.applyOps(prepared, operations(prepared))).toEqual([]);
    expect(ids(all.commit(entry('{"commitTransaction":1}')))).toEqual([1]);
    all.applyOps(prepared, operations(prepared));
    all.abort(entry('{"abortTransaction":1}'));
    expect(all.commit(entry('{"commitTransaction":1}'))).toEqual([]);
  });
});

describe("what stands in an archive's metadata", () => {
  const metadata = `{"options":{"capped":true},"indexes":[
    {"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"},
    {"v":{"$numberInt":"2"},"key":{"2":{"$numberInt":"1"},"1":{"$numberDouble":"-1.0"}},"name":"n","unique":true,"ns":"a.b"},
    {"v":{"$numberInt":"2"},"key":{"t":{"$numberInt":"1"}},"name":"ttl","expireAfterSeconds":{"$numberLong":"60"}},
    {"v":{"$numberInt":"2"},"key":{"_fts":"text","_ftsx":{"$numberInt":"1"}},"name":"x","weights":{"w":{"$numberInt":"1"}},"default_language":"german","textIndexVersion":{"$numberInt":"3"}},
    {"v":{"$numberInt":"2"},"key":{"p":{"$numberInt":"1"}},"name":"p","partialFilterExpression":{"p":{"$gt":{"$numberInt":"5"}},"d":{"$lt":{"$date":{"$numberLong":"0"}}}}},
    {"v":{"$numberInt":"2"},"key":{"c":"hashed"},"name":"quote \\" and \\u00fc","collation":{"locale":"de","strength":{"$numberInt":"2"}}}
  ],"uuid":"0"}`;

  test('becomes specifications whose fields keep order and type, of every kind of index', () => {
    const indexes = indexSpecifications(metadata);
    expect(indexes.map((index) => index.get('name'))).toEqual([
      '_id_',
      'n',
      'ttl',
      'x',
      'p',
      'quote " and ü',
    ]);
    const [, numbers, ttl, , partial] = indexes;
    expect([...((numbers?.get('key') ?? new Map()) as Map<string, unknown>).keys()]).toEqual(['2', '1']);
    expect(field(numbers?.get('key'), '1')).toEqual(new BSON.Double(-1));
    expect(ttl?.get('expireAfterSeconds')).toEqual(BSON.Long.fromNumber(60));
    const filter = partial?.get('partialFilterExpression');
    expect(isDocument(field(filter, 'p'))).toBe(true);
    expect(field(field(filter, 'd'), '$lt')).toEqual(new Date(0));
  });

  test('is written as BSON byte by byte as it was, and read from it in the same order', () => {
    for (const index of indexSpecifications(metadata)) {
      const written = Buffer.from(BSON.serialize(index as unknown as BSON.Document));
      expect(bytes(readOrdered(written))).toBe(written.toString('hex'));
    }
    const values = doc(
      '{"9":{"$numberDecimal":"1.10"},"1":[{"b":1,"a":{"$minKey":1}}],"r":{"$regularExpression":{"pattern":"a","options":"i"}},"u":{"$binary":{"base64":"AYkKXayWd0u8zrMCCZqAVw==","subType":"04"}},"t":{"$timestamp":{"t":1,"i":2}},"c":{"$code":"x"},"n":{"$numberDouble":"NaN"}}',
    );
    const written = Buffer.from(BSON.serialize(values as unknown as BSON.Document));
    expect(bytes(readOrdered(written))).toBe(written.toString('hex'));
    expect([...readOrdered(written).keys()]).toEqual(['9', '1', 'r', 'u', 't', 'c', 'n']);
  });

  test('that is no extended JSON is refused', () => {
    for (const text of ['{', '{"a"}', '[1', '"x', '{"a":1} 2', '']) {
      expect(() => parseOrdered(text), text).toThrow(SyntaxError);
    }
  });
});
