import { validate } from 'uuid';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { createOrRecognise, encode, listAll, readDocument } from './documents.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import { type InstanceRecord, instanceSchema } from './manifest.ts';
import type { Store } from './store.ts';

/** A thing that is kept in numbered revisions, and where its newest one is. */
export interface Revision {
  /** Schedule id, workbook name, instance id. */
  id: string;
  /** From 1. */
  revision: number;
  key: string;
}

/** The newest revision of everything below `<prefix><id>/<revision>.<ending>`, sorted by id. */
export async function latestRevisions(store: Store, prefix: string): Promise<Revision[]> {
  const latest = new Map<string, Revision>();
  for (const { key } of await listAll(store, prefix)) {
    const match = /^([^/]+)\/([1-9][0-9]*)\.[a-z]+$/.exec(key.slice(prefix.length));
    if (match?.[1] === undefined) continue;
    const found = { id: match[1], revision: Number(match[2]), key };
    if (found.revision > (latest.get(found.id)?.revision ?? 0)) latest.set(found.id, found);
  }
  return [...latest.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** An entry of an instance that is there and cannot be read. */
export interface DamagedInstance {
  id: string;
  /** In words, with the key. */
  problem: string;
}

/**
 * The newest revision of each instance that has not been deleted, sorted by name.
 * @param onDamaged told of an entry that is damaged, which is then left out; without it, it is thrown
 * @throws BackupctlError corrupt, and what the store says
 */
export async function instances(
  store: Store,
  onDamaged?: (damaged: DamagedInstance) => void,
): Promise<InstanceRecord[]> {
  const records: InstanceRecord[] = [];
  const revisions = await latestRevisions(store, layout.instances);
  const read = async ({ id, key }: Revision): Promise<InstanceRecord | null> => {
    try {
      return await readDocument(store, instanceSchema, key);
    } catch (error) {
      if (onDamaged === undefined || !(error instanceof BackupctlError) || error.code !== 'corrupt')
        throw error;
      onDamaged({ id, problem: `the entry of instance ${id} cannot be read: ${error.message}` });
      return null;
    }
  };
  for await (const record of lookahead(revisions, 8, read)) {
    if (record !== null && !record.deleted) records.push(record);
  }
  return records.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
}

/**
 * The instance of that exact id or exact name.
 * @throws BackupctlError not-found, ambiguous (naming the candidates)
 */
export async function instance(store: Store, idOrName: string): Promise<InstanceRecord> {
  const byId = validate(idOrName) ? await instanceById(store, idOrName.toLowerCase()) : null;
  if (byId !== null) return byId;
  const all = await instances(store);
  const named = all.filter(({ name }) => name === idOrName);
  const [only, ...others] = named;
  if (only === undefined) {
    throw new BackupctlError('not-found', `there is no instance ${idOrName}`, {
      hint: '`backupctl instance-list` shows those that exist',
    });
  }
  if (others.length > 0) {
    throw new BackupctlError('ambiguous', `${idOrName} is the name of ${named.length} instances`, {
      hint: `use an id: ${named.map(({ id }) => id).join(', ')}`,
    });
  }
  return only;
}

/** Of thousands, only that one is read: every step of every run asks. */
async function instanceById(store: Store, id: string): Promise<InstanceRecord | null> {
  let newest = 0;
  const prefix = `${layout.instances}${id}/`;
  for (const { key } of await listAll(store, prefix)) {
    newest = Math.max(newest, Number(/^([1-9][0-9]*)\.json$/.exec(key.slice(prefix.length))?.[1] ?? 0));
  }
  if (newest === 0) return null;
  const record = await readDocument(store, instanceSchema, layout.instance(id, newest));
  return record.deleted ? null : record;
}

/**
 * Adds a revision: `record.revision` is one more than the newest (1 for a new instance).
 * @throws BackupctlError conflict when that revision exists with other content, or another instance has the name
 */
export async function putInstance(store: Store, record: InstanceRecord): Promise<void> {
  if (!record.deleted) {
    const namesake = (await instances(store)).find(
      ({ id, name }) => name === record.name && id !== record.id,
    );
    if (namesake !== undefined) {
      throw new BackupctlError('conflict', `an instance named ${record.name} exists: ${namesake.id}`, {
        hint: 'choose another name, or change that one with `backupctl instance-update`',
      });
    }
  }
  await putRevision(store, layout.instance(record.id, record.revision), encode(instanceSchema, record));
}

/** @throws BackupctlError conflict when the revision exists with other content */
export async function putRevision(store: Store, key: string, bytes: Uint8Array): Promise<void> {
  if ((await createOrRecognise(store, key, bytes)) === null) {
    throw new BackupctlError('conflict', `${key} was written by somebody else meanwhile`, {
      hint: 'look at what it is now, and try again',
    });
  }
}
