import type { InstanceRecord, Manifest } from '../repository/manifest.ts';
import { markedIds } from '../repository/marks.ts';
import type { DamagedInstance } from '../repository/registry.ts';
import { quoted } from './attributes.ts';
import { concurrently } from './concurrently.ts';
import type { IsComplete } from './copy-states.ts';
import { toExecution } from './execution-record.ts';
import { matchingTimes } from './matching-times.ts';
import type { Schedules } from './schedules.ts';
import type { Surroundings } from './surroundings.ts';
import type { Execution, InstanceStatus, Schedule } from './types.ts';

/** So many fires after the newest good backup, success has merely stopped coming. */
const STALE = 3;
/** Instances that are judged at a time: each takes some calls, and there may be thousands. */
const SIDE_BY_SIDE = 10;

/** See {@link BackupClient.status}. */
export async function readStatus(
  surroundings: Surroundings,
  schedules: Schedules,
): Promise<InstanceStatus[]> {
  const { repository } = await surroundings.reading();
  const damaged: DamagedInstance[] = [];
  const [instances, all, { tombstoned, broken }] = await Promise.all([
    repository.instances((found) => damaged.push(found)),
    schedules.list(),
    markedIds(repository.store),
  ]);
  const unfit = new Set([...tombstoned, ...broken]);
  const { openQuorum } = await import('./copy-states.ts');
  const isComplete = await openQuorum(surroundings);
  const now = new Date();
  const judged = await concurrently(instances, SIDE_BY_SIDE, async (instance) => {
    const own = all.filter((schedule) => schedule.instance === instance.id);
    const [good, runs] = await Promise.all([
      newestGood(repository.backups({ instanceId: instance.id }), unfit, isComplete),
      newestRuns(surroundings, instance.id),
    ]);
    return judge(surroundings, { instance, own, good, runs, now });
  });
  return [...judged, ...damaged.map(unreadable)];
}

/** Of one whose entry is damaged nothing is known but that nobody can back it up. */
function unreadable({ id, problem }: DamagedInstance): InstanceStatus {
  return {
    id,
    name: id,
    protected: false,
    reason: problem,
    lastBackupId: null,
    lastBackupAt: null,
    age: null,
    nextExecutionTime: null,
    lastFailure: null,
  };
}

interface Facts {
  instance: InstanceRecord;
  own: Schedule[];
  good: Manifest | null;
  runs: Execution[];
  now: Date;
}

async function judge(surroundings: Surroundings, facts: Facts): Promise<InstanceStatus> {
  const { instance, own, good, runs, now } = facts;
  const lastBackupAt = good === null ? null : new Date(good.started_at);
  const active = own.filter(({ paused }) => !paused);
  const failed = runs.find(
    ({ state, executionTime }) =>
      state === 'ERROR' && (good === null || executionTime > new Date(good.created_at)),
  );
  const nextExecutionTime = active[0]?.nextExecutionTime ?? null;
  const old = good === null ? null : tooOld(instance, own, good, now);
  let reason: string | null = null;
  if (good === null) reason = 'there is no good backup';
  else if (failed !== undefined)
    reason = `the last run failed: ${failed.output?.error ?? 'for no reason given'}`;
  else if (own.length === 0) reason = 'it has no schedule';
  else if (active.length === 0) reason = 'its schedules are paused';
  else if (nextExecutionTime === null) reason = 'its schedules will not fire again';
  else if (old !== null) reason = old;
  else if (!runs.some(({ state }) => state === 'RUNNING')) {
    const fires = await firesSince(surroundings, active, new Date(good.started_at), now);
    if (fires >= STALE) reason = `${fires} times should have run since the newest good backup`;
  }
  return {
    id: instance.id,
    name: instance.name,
    protected: reason === null,
    reason,
    lastBackupId: good?.id ?? null,
    lastBackupAt,
    age:
      lastBackupAt === null ? null : Math.max(0, Math.round((now.getTime() - lastBackupAt.getTime()) / 1000)),
    nextExecutionTime,
    lastFailure:
      failed === undefined
        ? null
        : { executionId: failed.id, at: failed.executionTime, error: failed.output?.error ?? '' },
  };
}

/** What is being deleted, or was read and found broken, is none. */
async function newestGood(
  backups: AsyncIterable<{ manifest?: Manifest | undefined }>,
  unfit: ReadonlySet<string>,
  isComplete: IsComplete,
): Promise<Manifest | null> {
  for await (const { manifest } of backups) {
    if (manifest === undefined || unfit.has(manifest.id)) continue;
    if (await isComplete({ instanceId: manifest.instance.id, backupId: manifest.id })) return manifest;
  }
  return null;
}

/** The newest runs of an instance, those under way first. */
async function newestRuns(surroundings: Surroundings, instanceId: string): Promise<Execution[]> {
  const link = await surroundings.temporal();
  const query = `WorkflowType = 'backup_create' AND BackupctlInstance = ${quoted(instanceId)}`;
  return link.call(async ({ workflow }) => {
    const runs: Execution[] = [];
    for await (const row of workflow.list({ query, pageSize: 50 })) {
      runs.push(toExecution(row));
      if (runs.length === 50) break;
    }
    return runs;
  });
}

/** How often the busiest schedule should have fired; those of a pause, or before a change, do not count. */
async function firesSince(
  surroundings: Surroundings,
  schedules: Schedule[],
  since: Date,
  now: Date,
): Promise<number> {
  const link = await surroundings.temporal();
  let most = 0;
  for (const { id, activeSince } of schedules) {
    const from = activeSince !== null && activeSince > since ? activeSince : since;
    if (from < now) most = Math.max(most, (await matchingTimes(link, id, from, now)).length);
  }
  return most;
}

/** By the age that somebody set for the instance or for a schedule; what fires say is looked at apart. */
function tooOld(
  instance: InstanceRecord,
  own: readonly Schedule[],
  good: Manifest,
  now: Date,
): string | null {
  const ofSchedules = own.map(({ maxAge }) => maxAge).filter((maxAge) => typeof maxAge === 'number');
  const maxAge = instance.max_age === undefined ? Math.min(...ofSchedules) : instance.max_age;
  if (maxAge === null || !Number.isFinite(maxAge)) return null;
  const age = (now.getTime() - Date.parse(good.started_at)) / 1000;
  return age <= maxAge ? null : `its newest good backup is older than its max-age of ${maxAge} s`;
}
