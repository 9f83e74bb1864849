import { BackupctlError } from '../errors/backupctl-error.ts';
import { newestEpoch } from './epochs.ts';
import type { Mark } from './manifest.ts';
import { addMark, readMarks, readMarksAfter, standing } from './marks.ts';
import type { SigningKey } from './signing.ts';
import type { Store } from './store.ts';

/** What is needed to write marks. */
export interface MarkWriter {
  store: Store;
  trusted: ReadonlySet<string>;
  signingKey: SigningKey;
}

/** Says whether the holder of a pin (a workflow id) still runs; a pin of one that does not counts no more. */
export type HolderAlive = (holder: string) => Promise<boolean>;

export interface PinRequest {
  backupId: string;
  /** Workflow id of the restore or copy. */
  holder: string;
  /** Execution id, or a person's words. */
  by: string;
  /** The workflow's time. */
  at: Date;
}

/**
 * Holds a backup against deletion: the pin first, then the look for a tombstone. Whoever deletes does it the other
 * way round, so that at least one of the two sees the other. Idempotent for a holder.
 * @throws BackupctlError refused when the backup is being deleted; the pin is taken back then
 */
export async function pin(writer: MarkWriter, request: PinRequest): Promise<Mark> {
  const { store, trusted, signingKey } = writer;
  const before = standing(await readMarks(store, trusted, request.backupId), 'pin');
  const ours =
    before.find(({ refers_to }) => refers_to === request.holder) ??
    (await addMark(store, signingKey, {
      backupId: request.backupId,
      kind: 'pin',
      at: request.at,
      by: request.by,
      refersTo: request.holder,
      epoch: await epochNumber(store),
    }));
  const [tombstone] = standing(await readMarksAfter(store, trusted, ours), 'tombstone');
  if (tombstone === undefined) return ours;
  await unpin(writer, request);
  throw new BackupctlError('refused', `backup ${request.backupId} is being deleted (since ${tombstone.at})`, {
    hint: 'choose another backup',
  });
}

/** Ends every pin of a holder. Idempotent. */
export async function unpin({ store, trusted, signingKey }: MarkWriter, request: PinRequest): Promise<void> {
  const epoch = await epochNumber(store);
  for (const held of standing(await readMarks(store, trusted, request.backupId), 'pin')) {
    if (held.refers_to !== request.holder) continue;
    const { backupId, at, by } = request;
    await addMark(store, signingKey, { backupId, kind: 'unpin', at, by, refersTo: held.id, epoch });
  }
}

/** The pins that count: not ended, and of a holder that runs. */
export async function livePins(marks: readonly Mark[], isHolderAlive?: HolderAlive): Promise<Mark[]> {
  const live: Mark[] = [];
  for (const held of standing(marks, 'pin')) {
    // A pin without a holder cannot be asked after: it stands until somebody ends it.
    const alive =
      held.refers_to === null || isHolderAlive === undefined || (await isHolderAlive(held.refers_to));
    if (alive) live.push(held);
  }
  return live;
}

/** A reader that owns nothing may pin as well; the epoch in a mark says when it was, not who. */
async function epochNumber(store: Store): Promise<number> {
  return (await newestEpoch(store))?.epoch ?? 1;
}
