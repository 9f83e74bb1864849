import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { isCommitted } from '../repository/committed.ts';
import type { Mark } from '../repository/manifest.ts';
import { standing } from '../repository/marks.ts';
import { describeCopy } from './copy-runs.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';

export interface QuorumInput {
  instance_id: string;
  backup_id: string;
  copies: string[];
  /** In how many repositories the backup has to be, the first one among them. */
  quorum: number;
}

/** `in`: the names of the copies that have it, once they are enough. */
export interface QuorumResult {
  reached: boolean;
  in: string[];
}

export type QuorumActivities = ReturnType<typeof createQuorumActivities>;

/** Waiting takes places for activities: more than so many ask again from their workflow. */
const mostWaiting = 200;
/** Milliseconds after which one that waits gives its place back. */
const longestWait = 600_000;
const slowestLook = 10_000;

export function createQuorumActivities(deps: ActivityDeps) {
  let waiting = 0;
  return withFailures({
    /**
     * Waits until a backup's manifest is in so many repositories. `reached: false` where that takes long: the workflow
     * asks again. Its heartbeat says what it waits for.
     * @throws refused: the backup was deleted meanwhile, and will never get there
     */
    async await_quorum(input: QuorumInput): Promise<QuorumResult> {
      const context = Context.current();
      await assertKept(deps, input.backup_id);
      // The configuration of now: somebody may have given up a copy that will not come back.
      const copies = deps.copies.others.map(({ name }) => name);
      const quorum = Math.min(input.quorum, deps.copies.quorum);
      const place = { instanceId: input.instance_id, backupId: input.backup_id };
      const deadline = Date.now() + longestWait;
      const found = new Set<string>();
      let stage = 'looking at the copies';
      const beat = setInterval(() => context.heartbeat({ stage }), 2_000);
      waiting += 1;
      try {
        for (let pause = 500; ; pause = Math.min(slowestLook, pause * 1.5)) {
          const words = await Promise.all(
            copies.map(async (copy) => {
              if (found.has(copy)) return `${copy} has it`;
              const run = await describeCopy(deps.temporal, input.backup_id, copy);
              if (run?.running) return `${copy}: ${wordsOf(run)}`;
              // Over: well or badly, or not begun. Only its store knows.
              try {
                const { store } = await deps.copies.named(copy).repository();
                if (await isCommitted(store, place)) found.add(copy);
                return found.has(copy) ? `${copy} has it` : `${copy}: waiting for its turn`;
              } catch (error) {
                return `${copy}: ${messageOf(error)}`;
              }
            }),
          );
          if (1 + found.size >= quorum) return { reached: true, in: [...found] };
          stage = `in ${1 + found.size} of ${quorum} repositories; ${words.join('; ')}`;
          context.heartbeat({ stage });
          if (waiting > mostWaiting || Date.now() > deadline) return { reached: false, in: [...found] };
          await Promise.race([sleep(pause), context.cancelled]);
        }
      } finally {
        waiting -= 1;
        clearInterval(beat);
      }
    },
  });
}

/** Nobody copies what is being deleted. Asked once in a while only: there may be hundreds that wait. */
async function assertKept({ repository }: ActivityDeps, backupId: string): Promise<void> {
  let marks: Mark[];
  try {
    marks = await repository.marks(backupId);
  } catch {
    // A first repository that does not answer ends no wait.
    return;
  }
  const [tombstone] = standing(marks, 'tombstone');
  if (tombstone === undefined) return;
  throw new BackupctlError(
    'refused',
    `backup ${backupId} was deleted (at ${tombstone.at}) before it was in as many repositories as the quorum wants`,
  );
}

function wordsOf(run: { attempt: number; bytesOut: number | null; lastFailure: string | null }): string {
  const bytes = run.bytesOut ? `, ${(run.bytesOut / 2 ** 20).toFixed(1)} MiB copied` : '';
  if (run.lastFailure === null) return `copying${bytes}`;
  return `attempt ${run.attempt}${bytes} (${run.lastFailure})`;
}
