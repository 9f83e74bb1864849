import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { messageOf } from '../errors/backupctl-error.ts';
import { type CommittedBackup, committedBackups } from '../repository/committed.ts';
import type { RepositoryPlace } from '../repository/copies.ts';
import { tombstonedIds } from '../repository/marks.ts';
import { mirrorMarks, mirrorRevisions } from '../repository/mirroring.ts';
import type { Repository } from '../repository/repository.ts';
import {
  type BackupCopyInput,
  type CopySweepResult,
  copyWorkflowId,
  searchAttributes,
} from '../workflows/types.ts';
import { whileBeating } from './beating.ts';
import { CopyDebt } from './copy-debt.ts';
import { type CopyRun, describeCopy, runningCopies } from './copy-runs.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';

export interface CopySweepInput {
  /** The workflow's time. */
  now: string;
}

export type CopySweepActivities = ReturnType<typeof createCopySweepActivities>;

/** Copies to one place that the sweep keeps under way: thousands may be missing. */
const underWay = 20;
/** Missing backups that are looked at in one sweep. */
const mostLooked = 500;
/** Milliseconds after the end of a copy that failed, or was cancelled by somebody, before it is begun again. */
const afterFailure = 10 * 60_000;
const afterCancel = 60 * 60_000;
/** A list that takes long is made seldom: the share of the time that goes into lists, and the longest pause between two. */
const share = 0.01;
const longestPause = 15 * 60_000;

/** What the sweep keeps of the first repository, for all copies. */
type Wanted = Map<string, CommittedBackup>;

/** Keeps the copies whole. All that it knows it derives from lists: a worker that begins anew knows as much. */
export function createCopySweepActivities(deps: ActivityDeps) {
  const debts = new Map<string, CopyDebt>();
  const nextLook = new Map<string, number>();

  /** One copy: revisions each time, lists of backups and marks as often as they are cheap. */
  async function sweep(
    place: RepositoryPlace,
    wantedNow: () => Promise<Wanted>,
    running: ReadonlySet<string>,
    now: Date,
  ): Promise<CopySweepResult> {
    const result: CopySweepResult = { started: [], missing: {}, problems: [] };
    const debt = debts.get(place.name) ?? new CopyDebt(deps, place);
    debts.set(place.name, debt);
    let to: Repository;
    try {
      to = await place.writable();
      // What was opened long ago may be gone by now.
      await to.assertOwner(deps.platformId);
    } catch (error) {
      result.problems.push(`${place.name}: ${messageOf(error)}`);
      await debt.silent(messageOf(error), now);
      return result;
    }
    const from = deps.repository.store;
    const revisions = await mirrorRevisions(from, to.store);
    result.problems.push(...revisions.different.map((key) => `${place.name}: ${key} has other bytes there`));
    if (Date.now() < (nextLook.get(place.name) ?? 0)) return result;

    const begun = Date.now();
    const marks = await mirrorMarks(from, to.store);
    result.problems.push(...marks.different.map((key) => `${place.name}: ${key} has other bytes there`));
    const [wanted, there] = await Promise.all([wantedNow(), committedBackups(to.store)]);
    const pause = Math.min(longestPause, (Date.now() - begun) / share);
    if (pause > 60_000) nextLook.set(place.name, Date.now() + pause);

    const missing = [...wanted.values()].filter(({ backupId }) => !there.has(backupId));
    result.missing[place.name] = missing.length;
    const { started, failure } = await startSome(place.name, missing, running);
    result.started.push(...started);
    await debt.seen(missing, failure, now);
    return result;
  }

  /** Begins what is not under way, the oldest first. @returns why the oldest one is still missing, where that is known */
  async function startSome(
    copy: string,
    missing: readonly CommittedBackup[],
    running: ReadonlySet<string>,
  ): Promise<{ started: string[]; failure: string | null }> {
    const started: string[] = [];
    let failure: string | null = null;
    let room = underWay - running.size;
    for (const { backupId, instanceId } of missing.slice(0, mostLooked)) {
      const run: CopyRun | null =
        room > 0 || failure === null ? await describeCopy(deps.temporal, backupId, copy) : null;
      failure ??= run?.lastFailure ?? null;
      if (room <= 0) {
        if (failure !== null) break;
        continue;
      }
      if (run !== null && !mayBegin(run)) continue;
      if (await startCopy({ backup_id: backupId, instance_id: instanceId, copy })) {
        started.push(`${backupId} to ${copy}`);
        room -= 1;
      }
    }
    return { started, failure };
  }

  async function startCopy(input: BackupCopyInput): Promise<boolean> {
    const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
    try {
      await deps.temporal.workflow.start('backup_copy', {
        workflowId: copyWorkflowId(input.backup_id, input.copy),
        taskQueue: deps.taskQueue,
        args: [input],
        typedSearchAttributes: new TypedSearchAttributes([
          { key: keyword(searchAttributes.kind), value: 'copy' },
          { key: keyword(searchAttributes.instance), value: input.instance_id },
          { key: keyword(searchAttributes.backup), value: input.backup_id },
        ]),
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  }

  return withFailures({
    async sweep_copies(input: CopySweepInput): Promise<CopySweepResult> {
      return whileBeating(async () => {
        await deps.repository.assertOwner(deps.platformId);
        const running = await runningCopies(deps.temporal);
        let lists: Promise<Wanted> | undefined;
        const wantedNow = () => {
          lists ??= wantedBackups(deps.repository);
          return lists;
        };
        const results = await Promise.all(
          deps.copies.others.map(async (place) => {
            try {
              return await sweep(place, wantedNow, running.get(place.name) ?? new Set(), new Date(input.now));
            } catch (error) {
              return { started: [], missing: {}, problems: [`${place.name}: ${messageOf(error)}`] };
            }
          }),
        );
        return {
          started: results.flatMap(({ started }) => started),
          missing: Object.assign({}, ...results.map(({ missing }) => missing)) as Record<string, number>,
          problems: results.flatMap(({ problems }) => problems),
        };
      });
    },
  });
}

/** What every copy should have. */
async function wantedBackups({ store }: Repository): Promise<Wanted> {
  const [backups, tombstoned] = await Promise.all([committedBackups(store), tombstonedIds(store)]);
  for (const id of tombstoned) backups.delete(id);
  return backups;
}

function mayBegin(run: CopyRun): boolean {
  if (run.running) return false;
  const since = Date.now() - (run.closedAt?.getTime() ?? 0);
  if (run.status === 'COMPLETED') return since > 60_000;
  return since > (run.status === 'CANCELLED' ? afterCancel : afterFailure);
}
