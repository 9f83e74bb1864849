import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { readBackups } from './backups.ts';
import { tombstone } from './deletion.ts';
import { assertOwner } from './epochs.ts';
import type { Manifest, Mark } from './manifest.ts';
import { markedKinds, readMarks, standing } from './marks.ts';
import { type HolderAlive, livePins, type MarkWriter } from './pins.ts';
import { type Kept, planRetention, type RetentionFact, type RetentionRules } from './retention.ts';
import { broughtBack } from './settlement.ts';

export interface RetainRequest {
  instanceId: string;
  scheduleId: string;
  /** The backup after which this is done. */
  madeId: string;
  rules: RetentionRules;
  /** For the tombstones: the execution. */
  by: string;
  /** The workflow's time; the grace period counts from it. */
  at: Date;
  platformId: string;
  isHolderAlive: HolderAlive;
  /** Whether a backup is in as many repositories as it has to be. Default: each that has a manifest here is. */
  isComplete?: (backupId: string) => boolean;
  /** Tombstones of one call at most; the next run goes on. */
  most: number;
  signal?: AbortSignal;
  /** Told of each tombstone as it stands. */
  onTombstoned?: (backupId: string) => void;
}

export interface RetainOutcome {
  tombstoned: string[];
  /** What no rule wants and stays all the same, and why. */
  held: Kept[];
  /** Good backups of the schedule that stay because a rule wants them. */
  wanted: number;
  /** Why nothing was tombstoned although a look was taken; null where the count is sure. */
  doubt: string | null;
  /** What is left for the next run. */
  left: number;
}

/**
 * Begins the deletion of what the rules of a schedule no longer want, after a backup of it was made. All that counts is
 * read before the first tombstone; one list that fails, or one manifest of the instance that cannot be believed, and
 * none is written. Idempotent.
 * @throws BackupctlError refused where another platform owns the repository; whatever a list or a read throws
 */
export async function retain(writer: MarkWriter, request: RetainRequest): Promise<RetainOutcome> {
  await assertOwner(writer.store, request.platformId);
  const facts = await readFacts(writer, request);
  const outcome: RetainOutcome = { tombstoned: [], held: [], wanted: 0, doubt: null, left: 0 };
  if (typeof facts === 'string') return { ...outcome, doubt: facts };
  if (!facts.some(({ id }) => id === request.madeId)) {
    return { ...outcome, doubt: 'the list of backups lacks the one that was just made: it is an old list' };
  }
  const plan = planRetention(facts, request.rules, request);
  outcome.held.push(...plan.held);
  outcome.wanted = plan.wanted;
  const now = plan.remove.slice(0, request.most);
  outcome.left = plan.remove.length - now.length;
  for (const backupId of now) {
    request.signal?.throwIfAborted();
    const { instanceId, by, at, platformId, isHolderAlive, rules } = request;
    const note = `beyond the ${rules.keepLast} newest of its schedule`;
    const place = { instanceId, backupId };
    try {
      await tombstone(writer, {
        ...place,
        by,
        at,
        platformId,
        isHolderAlive,
        note,
        needed: 'known not to be',
      });
      outcome.tombstoned.push(backupId);
      request.onTombstoned?.(backupId);
    } catch (error) {
      // Pinned since we looked. What is wrong with the whole repository throws at the next look at it.
      if (!(error instanceof BackupctlError) || error.code !== 'refused') throw error;
      await assertOwner(writer.store, request.platformId);
      outcome.held.push({ id: backupId, reason: messageOf(error) });
    }
  }
  return outcome;
}

/** What there is to decide about; a text where something of it cannot be believed. */
async function readFacts(writer: MarkWriter, request: RetainRequest): Promise<RetentionFact[] | string> {
  const { store, trusted } = writer;
  // The marks first: one that is added between the two lists is looked for again before each tombstone counts.
  const marked = await markedKinds(store);
  const facts: RetentionFact[] = [];
  for await (const entry of readBackups(store, trusted, request.instanceId)) {
    request.signal?.throwIfAborted();
    if (entry.manifest === undefined) {
      const { backupId, problem } = entry.damaged;
      if (marked.get(backupId)?.has('tombstone') && (await isTombstoned(writer, backupId))) continue;
      return `backup ${backupId} is damaged (${problem}), so nobody can say how many good ones there are`;
    }
    facts.push(await factOf(writer, request, entry.manifest, marked.has(entry.manifest.id)));
  }
  return facts;
}

async function factOf(
  writer: MarkWriter,
  { scheduleId, isHolderAlive, isComplete, at }: RetainRequest,
  { id, schedule_id, parent_id, retain_until }: Manifest,
  hasMarks: boolean,
): Promise<RetentionFact> {
  const fact: RetentionFact = {
    id,
    scheduleId: schedule_id,
    parentId: parent_id,
    good: isComplete?.(id) ?? true,
    tombstoned: false,
    heldBecause:
      retain_until !== null && Date.parse(retain_until) > at.getTime()
        ? `its store holds it until ${retain_until}`
        : null,
  };
  // Others only matter as children, and as such they count until they are gone.
  if (schedule_id !== scheduleId || !hasMarks) return fact;
  let marks: Mark[];
  try {
    marks = await readMarks(writer.store, writer.trusted, id);
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'corrupt') throw error;
    return { ...fact, good: false, heldBecause: `its marks cannot be believed: ${messageOf(error)}` };
  }
  fact.tombstoned = standing(marks, 'tombstone').length > 0;
  if (marks.findLast(({ kind }) => kind === 'broken' || kind === 'verified')?.kind === 'broken')
    fact.good = false;
  const back = marks.findLast(({ kind, note }) => kind === 'undelete' && note === broughtBack);
  if (back !== undefined) fact.heldBecause = `${back.by} brought it back, and only a person deletes it again`;
  const [hold] = standing(marks, 'hold');
  if (hold !== undefined) fact.heldBecause = `it is held by ${hold.by}`;
  const [pin] = await livePins(marks, isHolderAlive);
  if (pin !== undefined) fact.heldBecause = `it is in use by ${pin.refers_to ?? pin.by}`;
  return fact;
}

async function isTombstoned({ store, trusted }: MarkWriter, backupId: string): Promise<boolean> {
  try {
    return standing(await readMarks(store, trusted, backupId), 'tombstone').length > 0;
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'corrupt') throw error;
    return false;
  }
}
