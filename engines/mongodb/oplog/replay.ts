import type { Document, MongoClient } from 'mongodb';
import { BackupctlError, messageOf } from '../../../errors/backupctl-error.ts';
import { codeOf, codes } from '../errors.ts';
import { readOrdered } from '../ordered-bson.ts';
import { field, isDocument, type Ordered } from '../ordered-json.ts';
import type { IndexSpecification, WantedIndexes } from '../restore-indexes.ts';
import { applyDelta } from './delta.ts';
import { type Entry, Transactions } from './transactions.ts';

/** Where a database's operations go, and what of them. */
export interface ReplayTarget {
  /** The database that is filled. */
  filled: string;
  takes(collection: string): boolean;
  /** Kept up to date: indexes are made once all documents are there. */
  indexes: WantedIndexes;
}

const duplicateKey = 11000;
/** Commands that change no data, or of which others tell. */
const ignored: ReadonlySet<string> = new Set([
  'startIndexBuild',
  'abortIndexBuild',
  'dbCheck',
  'endOfTransaction',
]);

/**
 * Does again what was written while a dump ran, entry by entry through the driver: neither mongorestore nor `applyOps` does
 * it into other names, or with a restorer's rights. Entries may say what the dump has already seen: each can be done
 * twice, and an update of a document that is not there is of one that was removed later.
 */
export class OplogReplay {
  readonly #client: MongoClient;
  readonly #targets: ReadonlyMap<string, ReplayTarget>;
  readonly #transactions = new Transactions();
  /** Operations that were done. */
  done = 0;

  constructor(client: MongoClient, targets: ReadonlyMap<string, ReplayTarget>) {
    this.#client = client;
    this.#targets = targets;
  }

  /** @throws BackupctlError for an entry that cannot be done, named by its optime and namespace */
  async apply(entry: Entry): Promise<void> {
    try {
      await this.#apply(entry);
    } catch (error) {
      if (error instanceof BackupctlError) throw error;
      const { t, i } = (entry.get('ts') ?? {}) as { t?: number; i?: number };
      throw new BackupctlError(
        'failed',
        `the oplog's entry ${t ?? '?'}:${i ?? '?'} of ${String(entry.get('ns'))} cannot be done again: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  async #apply(entry: Entry): Promise<void> {
    const op = entry.get('op');
    if (op === 'n') return;
    const o = entry.get('o');
    const namespace = String(entry.get('ns') ?? '');
    const dot = namespace.indexOf('.');
    const database = namespace.slice(0, dot);
    const collection = namespace.slice(dot + 1);
    // Transactions stand under `admin.$cmd`, whatever databases they are of.
    if (op === 'c' && isDocument(o) && (await this.#grouped(entry, o))) return;
    const target = this.#targets.get(database);
    if (target === undefined) return;
    if (!isDocument(o)) throw new Error('it says nothing of what was done');
    if (op === 'c') {
      await this.#command(target, o);
      return;
    }
    if (!target.takes(collection) || collection === 'system.profile') return;
    if (collection === 'system.views') await this.#view(target, op, o);
    else if (op === 'i') await this.#insert(target, collection, o);
    else if (op === 'u') await this.#update(target, collection, o, entry.get('o2'));
    else if (op === 'd') await this.#delete(target, collection, o.get('_id'));
    else throw new Error(`it is of a kind ${JSON.stringify(op)} that is not known here`);
    this.done += 1;
  }

  /** @returns whether it was an entry that holds others, or decides on them */
  async #grouped(entry: Entry, o: Map<string, Ordered>): Promise<boolean> {
    const operations = o.get('applyOps');
    let now: Entry[];
    if (Array.isArray(operations)) now = this.#transactions.applyOps(entry, operations);
    else if (o.has('commitTransaction')) now = this.#transactions.commit(entry);
    else if (o.has('abortTransaction')) {
      this.#transactions.abort(entry);
      return true;
    } else return false;
    for (const each of now) await this.#apply(each);
    return true;
  }

  async #insert({ filled }: ReplayTarget, collection: string, document: Map<string, Ordered>): Promise<void> {
    const insert = () => this.#run(filled, { insert: collection, documents: [document] });
    try {
      await insert();
    } catch (error) {
      if (codeOf(error) !== duplicateKey) throw error;
      const _id = document.get('_id');
      // A document may have fields whose names begin with a dollar; one that replaces another may not.
      if ([...document.keys()].some((name) => name.startsWith('$'))) {
        await this.#run(filled, { delete: collection, deletes: [{ q: { _id }, limit: 1 }] });
        await insert();
      } else await this.#replace(filled, collection, _id, document);
    }
  }

  async #update(
    { filled }: ReplayTarget,
    collection: string,
    o: Map<string, Ordered>,
    o2: Ordered,
  ): Promise<void> {
    const _id = field(o2, '_id') ?? o.get('_id');
    const diff = o.get('diff');
    if (Number(o.get('$v')) === 2 && diff !== undefined) {
      const before = await this.#find(filled, collection, _id);
      if (before !== null) await this.#replace(filled, collection, _id, applyDelta(before, diff));
      return;
    }
    const modifiers = [...o].filter(([name]) => name.startsWith('$') && name !== '$v');
    if (modifiers.length === 0) {
      await this.#replace(filled, collection, _id, o);
      return;
    }
    await this.#run(filled, {
      update: collection,
      updates: [{ q: { _id }, u: new Map(modifiers), multi: false, upsert: false }],
    });
  }

  async #delete({ filled }: ReplayTarget, collection: string, _id: Ordered): Promise<void> {
    await this.#run(filled, { delete: collection, deletes: [{ q: { _id }, limit: 1 }] });
  }

  async #view(target: ReplayTarget, op: Ordered, o: Map<string, Ordered>): Promise<void> {
    const name = String(o.get('_id') ?? '').replace(/^[^.]*\./, '');
    if (op === 'd') {
      await this.#run(target.filled, { drop: name }, codes.namespaceNotFound);
      return;
    }
    if (op === 'u' && !o.has('viewOn')) throw new Error('a view was changed in a way that is not known here');
    const { filled } = target;
    await this.#run(filled, { drop: name }, codes.namespaceNotFound);
    const options = new Map([...o].filter(([field]) => ['viewOn', 'pipeline', 'collation'].includes(field)));
    await this.#run(filled, new Map<string, Ordered>([['create', name], ...options]));
  }

  async #command(target: ReplayTarget, o: Map<string, Ordered>): Promise<void> {
    const [name = '', subject] = [...o][0] ?? [];
    const { filled, indexes } = target;
    if (ignored.has(name)) return;
    if (name === 'dropDatabase') {
      await this.#client.db(filled).dropDatabase();
      indexes.clear();
      return;
    }
    const collection = String(subject);
    if (!target.takes(collection)) return;
    const rest = new Map([...o].slice(1));
    if (name === 'create') {
      rest.delete('idIndex');
      await this.#run(filled, new Map([['create', subject], ...rest]), codes.namespaceExists);
      if (!indexes.has(collection)) indexes.set(collection, []);
    } else if (name === 'drop') {
      await this.#run(filled, { drop: collection }, codes.namespaceNotFound);
      indexes.delete(collection);
    } else if (name === 'createIndexes') addIndexes(indexes, collection, [rest]);
    else if (name === 'commitIndexBuild') {
      const built = rest.get('indexes');
      addIndexes(indexes, collection, Array.isArray(built) ? built.filter(isDocument) : []);
    } else if (name === 'dropIndexes' || name === 'deleteIndexes') {
      const index = rest.get('index');
      const left = (indexes.get(collection) ?? []).filter(
        (each) => each.get('name') === '_id_' || (index !== '*' && each.get('name') !== index),
      );
      indexes.set(collection, left);
    } else if (name === 'collMod') await this.#collMod(target, collection, rest);
    else if (name === 'emptycapped') await this.#run(filled, { emptycapped: collection });
    else throw new Error(`the command ${JSON.stringify(name)} cannot be done again`);
    this.done += 1;
  }

  async #collMod(target: ReplayTarget, collection: string, rest: Map<string, Ordered>): Promise<void> {
    const index = rest.get('index');
    const others = new Map([...rest].filter(([name]) => name !== 'index'));
    if (isDocument(index)) {
      const changed = (target.indexes.get(collection) ?? []).find(
        (each) => each.get('name') === index.get('name'),
      );
      for (const name of ['expireAfterSeconds', 'hidden', 'unique', 'prepareUnique']) {
        if (index.has(name)) changed?.set(name, index.get(name));
      }
    }
    if (others.size > 0) await this.#run(target.filled, new Map([['collMod', collection], ...others]));
  }

  async #replace(
    database: string,
    collection: string,
    _id: Ordered,
    document: Map<string, Ordered>,
  ): Promise<void> {
    const updates = [{ q: { _id }, u: document, multi: false, upsert: true }];
    await this.#run(database, { update: collection, updates });
  }

  /** As it is stored, in the order of its fields. */
  async #find(database: string, collection: string, _id: Ordered): Promise<Map<string, Ordered> | null> {
    const found = await this.#client
      .db(database)
      .collection(collection)
      .find({ _id } as Document, { raw: true, limit: 1 })
      .toArray();
    const [first] = found as unknown as Buffer[];
    return first === undefined ? null : readOrdered(Buffer.from(first));
  }

  /** @param allowed the number of an error that means it is so already */
  async #run(database: string, command: Document | Map<string, Ordered>, allowed = -1): Promise<void> {
    try {
      const answer = await this.#client.db(database).command(plain(command));
      const [first] = (answer.writeErrors ?? []) as { code?: number; errmsg?: string }[];
      if (first !== undefined) throw Object.assign(new Error(first.errmsg), { code: first.code });
    } catch (error) {
      if (codeOf(error) !== allowed) throw error;
    }
  }
}

/** The driver reads a command's name from an object; what is within may be a Map. */
function plain(command: Document | Map<string, Ordered>): Document {
  return command instanceof Map ? Object.fromEntries(command) : command;
}

function addIndexes(wanted: WantedIndexes, collection: string, added: readonly IndexSpecification[]): void {
  const names = new Set(added.map((index) => index.get('name')));
  const others = (wanted.get(collection) ?? []).filter((index) => !names.has(index.get('name')));
  wanted.set(collection, [...others, ...added]);
}
