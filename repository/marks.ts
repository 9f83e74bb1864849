import { v7 } from 'uuid';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { createOrRecognise, encode, listAll, readDocument } from './documents.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import { type Mark, markSchema } from './manifest.ts';
import { readAgainIfCorrupt } from './read-again.ts';
import { type SigningKey, signatureFits } from './signing.ts';
import { ObjectExistsError, type Store } from './store.ts';

export type MarkKind = Mark['kind'];

/** What a caller says of a mark; the rest is filled in. */
export interface NewMark {
  /** Default: a new one. A mark that may be written once only bears the id of what it is about. */
  id?: string;
  backupId: string;
  kind: MarkKind;
  /** The workflow's time. */
  at: Date;
  by: string;
  note?: string | null;
  refersTo?: string | null;
  epoch: number;
}

const markKey = /^marks\/([0-9a-f-]{36})\/([0-9a-f-]{36})-([a-z]+)\.json$/;

/** Which mark ends which. */
const endedBy: Partial<Record<MarkKind, MarkKind>> = { pin: 'unpin', tombstone: 'undelete', hold: 'release' };

/** The bytes that a mark's signature covers: JSON without spaces, keys in the order of the format. */
export function markBytes(mark: Omit<Mark, 'signature'>): Buffer {
  const { id, backup_id, kind, at, by, note, refers_to, epoch, signed_by } = mark;
  return Buffer.from(
    JSON.stringify({ id, backup_id, kind, at, by, note, refers_to, epoch, signed_by }),
    'utf8',
  );
}

/**
 * Adds a mark. Two calls make two marks, which is harmless: marks that say the same count once.
 * @throws ObjectExistsError for an id that was given and is taken
 */
export async function addMark(store: Store, key: SigningKey, wanted: NewMark): Promise<Mark> {
  const unsigned: Omit<Mark, 'signature'> = {
    id: wanted.id ?? v7({ msecs: wanted.at.getTime() }),
    backup_id: wanted.backupId,
    kind: wanted.kind,
    at: wanted.at.toISOString(),
    by: wanted.by,
    note: wanted.note ?? null,
    refers_to: wanted.refersTo ?? null,
    epoch: wanted.epoch,
    signed_by: key.publicName,
  };
  const mark: Mark = { ...unsigned, signature: key.sign(markBytes(unsigned)).toString('base64') };
  const name = layout.mark(mark.backup_id, mark.id, mark.kind);
  // The answer to our own write may have been lost; nobody else has an id that is new.
  if ((await createOrRecognise(store, name, encode(markSchema, mark))) === null) {
    if (wanted.id !== undefined) throw new ObjectExistsError(name);
    throw new BackupctlError('corrupt', `${name} holds another mark than was just written`);
  }
  return mark;
}

/**
 * The marks of a backup, oldest first, each with its signature checked.
 * @throws BackupctlError corrupt for a mark that is damaged or not signed by a trusted key: a forged tombstone must
 *   not hide a backup, and a damaged pin must not be taken for none
 */
export async function readMarks(
  store: Store,
  trusted: ReadonlySet<string>,
  backupId: string,
): Promise<Mark[]> {
  const objects = await listAll(store, layout.marksOf(backupId));
  const marks: Mark[] = [];
  for await (const mark of lookahead(objects, 8, ({ key }) => readMark(store, trusted, key)))
    marks.push(mark);
  return marks;
}

/**
 * The same, after a mark was written. A list that does not show it is an old one, and may lack those of others, too.
 * @throws BackupctlError unavailable for such a list
 */
export async function readMarksAfter(
  store: Store,
  trusted: ReadonlySet<string>,
  written: Pick<Mark, 'id' | 'backup_id'>,
): Promise<Mark[]> {
  const marks = await readMarks(store, trusted, written.backup_id);
  if (marks.some(({ id }) => id === written.id)) return marks;
  throw new BackupctlError(
    'unavailable',
    `${store.location} lists what was there before: the mark ${written.id} that was just written is missing`,
    { hint: 'is there a cache in front of the store? It must not keep lists' },
  );
}

/** One mark, checked as {@link readMarks} does it. */
export async function readMark(store: Store, trusted: ReadonlySet<string>, key: string): Promise<Mark> {
  return await readAgainIfCorrupt(() => readMarkOnce(store, trusted, key));
}

async function readMarkOnce(store: Store, trusted: ReadonlySet<string>, key: string): Promise<Mark> {
  const mark = await readDocument(store, markSchema, key);
  const signature = Buffer.from(mark.signature, 'base64');
  if (key !== layout.mark(mark.backup_id, mark.id, mark.kind)) {
    throw new BackupctlError('corrupt', `${key} holds the mark of another name`);
  }
  if (!trusted.has(mark.signed_by) || !signatureFits(mark.signed_by, markBytes(mark), signature)) {
    throw new BackupctlError('corrupt', `${key} is not signed by a key that is trusted here`, {
      hint: 'if the signer is known, add its public key to signing.trusted',
    });
  }
  return mark;
}

/** What a mark says that still stands: pins that nobody ended, a tombstone that was not taken back … */
export function standing(marks: readonly Mark[], kind: 'pin' | 'tombstone' | 'hold'): Mark[] {
  const ender = endedBy[kind];
  const ended = new Set(marks.filter((mark) => mark.kind === ender).map((mark) => mark.refers_to));
  // Decided is ended, also where whoever decided it was cut off before the mark that says so.
  if (kind === 'tombstone') for (const mark of marks) if (isKept(mark)) ended.add(mark.id);
  return marks.filter((mark) => mark.kind === kind && !ended.has(mark.id));
}

/** Whether a mark decides that the tombstone of the same id is taken back. */
export function isKept({ kind, note }: Mark): boolean {
  return kind === 'settled' && note === 'kept';
}

/** Which kinds of marks each backup has, by one list of names: what has none need not be asked further. */
export async function markedKinds(store: Store): Promise<Map<string, Set<string>>> {
  const kinds = new Map<string, Set<string>>();
  for (const { key } of await listAll(store, layout.marks)) {
    const [, backupId, , kind] = markKey.exec(key) ?? [];
    if (backupId === undefined || kind === undefined) continue;
    const of = kinds.get(backupId) ?? new Set();
    kinds.set(backupId, of.add(kind));
  }
  return kinds;
}

/**
 * Backups that have a tombstone which was not taken back, by the names of marks alone: one list, no reads. Good
 * enough to show; whoever acts on it reads the marks.
 */
export async function tombstonedIds(store: Store): Promise<Set<string>> {
  return (await markedIds(store)).tombstoned;
}

/** The same, and those that were last found broken and not whole since. */
export async function markedIds(store: Store): Promise<{ tombstoned: Set<string>; broken: Set<string> }> {
  const tombstones = new Map<string, Set<string>>();
  const takenBack: [backupId: string, id: string][] = [];
  const broken = new Set<string>();
  // Sorted by key, the marks of a backup come by their time.
  for (const { key } of await listAll(store, layout.marks)) {
    const [, backupId, id, kind] = markKey.exec(key) ?? [];
    if (backupId === undefined || id === undefined) continue;
    if (kind === 'tombstone') tombstones.set(backupId, (tombstones.get(backupId) ?? new Set()).add(id));
    if (kind === 'undelete') takenBack.push([backupId, id]);
    if (kind === 'broken') broken.add(backupId);
    if (kind === 'verified') broken.delete(backupId);
  }
  for (const [backupId, id] of takenBack) {
    const of = tombstones.get(backupId);
    // One that has an id of its own ends one of them all the same; which one, its name does not say.
    if (of?.delete(id) === false) of.delete([...of][0] ?? '');
  }
  const tombstoned = [...tombstones].filter(([, of]) => of.size > 0).map(([backupId]) => backupId);
  return { tombstoned: new Set(tombstoned), broken };
}
