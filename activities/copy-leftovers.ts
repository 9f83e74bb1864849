import { messageOf } from '../errors/backupctl-error.ts';
import { discardCopy } from '../repository/copying.ts';
import { PATIENCE } from '../repository/object-sources.ts';
import { Patience } from '../repository/patience.ts';
import type { Repository } from '../repository/repository.ts';
import { copyWorkflowId, healWorkflowId, type JanitorResult } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';
import { isRunning } from './executions.ts';

/**
 * Removes what copies that nobody makes any more left in their repositories: unfinished uploads, objects without a
 * manifest, none of them younger than `before`. What a copy that waits for its store has there is kept, for it goes on,
 * and so is what is being healed.
 */
export async function sweepCopyLeftovers(deps: ActivityDeps, before: Date): Promise<JanitorResult> {
  const result: JanitorResult = { removed: [], problems: [] };
  for (const place of deps.copies.others) {
    let copy: Repository;
    try {
      copy = await new Patience(PATIENCE, place.location).over(place.writable(), () => {});
    } catch {
      // Who removes what was deleted says that it does not answer.
      continue;
    }
    try {
      for (const leftover of await copy.leftovers({ before })) {
        // Asked of its history, which is exact: a copy that begins now would otherwise lose its first parts.
        if (await isRunning(deps.temporal, copyWorkflowId(leftover.backupId, place.name))) continue;
        // Healing may bring a backup to a copy that has nothing of it, or has lost its manifest.
        if (await isRunning(deps.temporal, healWorkflowId(leftover.backupId))) continue;
        const { objects, uploads } = await discardCopy(copy.store, leftover, deps.platformId);
        if (objects + uploads === 0) continue;
        result.removed.push(
          `${place.name}: backup ${leftover.backupId}: ${objects} objects and ${uploads} uploads of a copy that was given up`,
        );
      }
    } catch (error) {
      result.problems.push(`${place.name}: ${messageOf(error)}`);
    }
  }
  return result;
}
