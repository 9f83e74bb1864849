import { BSON } from 'mongodb';
import { field, isDocument, type Ordered } from '../ordered-json.ts';

export type Entry = Map<string, Ordered>;

/**
 * Holds operations of transactions until they count. A transaction is one or several `applyOps` entries of a session: those
 * before the last say `partialTxn`; where the last says `prepare`, a `commitTransaction` or `abortTransaction` decides.
 */
export class Transactions {
  readonly #held = new Map<string, Entry[]>();

  /** @returns the operations that count now, in their order */
  applyOps(entry: Entry, operations: readonly Ordered[]): Entry[] {
    const now = operations.filter(isDocument);
    const key = keyOf(entry);
    if (key === null) return now;
    const all = [...(this.#held.get(key) ?? []), ...now];
    const o = entry.get('o');
    if (isTrue(field(o, 'partialTxn')) || isTrue(field(o, 'prepare'))) {
      this.#held.set(key, all);
      return [];
    }
    this.#held.delete(key);
    return all;
  }

  commit(entry: Entry): Entry[] {
    const key = keyOf(entry);
    const operations = key === null ? undefined : this.#held.get(key);
    if (key !== null) this.#held.delete(key);
    return operations ?? [];
  }

  abort(entry: Entry): void {
    const key = keyOf(entry);
    if (key !== null) this.#held.delete(key);
  }
}

/** Null: no transaction, but operations that were written at once. */
function keyOf(entry: Entry): string | null {
  const lsid = entry.get('lsid');
  const number = entry.get('txnNumber');
  if (lsid === undefined || number === undefined) return null;
  return BSON.EJSON.stringify({ lsid, number }, { relaxed: false });
}

const isTrue = (value: Ordered) => value === true;
