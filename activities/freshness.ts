import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { isInQuorum } from '../freshness/quorum.ts';
import { Survey } from '../freshness/survey.ts';
import { judge, type Verdict } from '../freshness/verdict.ts';
import { lookahead } from '../repository/lookahead.ts';
import { beating } from './beating.ts';
import { ask } from './channels/webhook.ts';
import { type Condition, conditionsOf } from './conditions.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';

export interface FreshnessInput {
  /** The workflow's time, ISO 8601. */
  now: string;
  /** Names what is raised now; the worker that found it knows it by that. */
  token: string;
  /** The token of what this round finds. */
  next_token: string;
  /** Conditions that were told of, and when (milliseconds); null while the worker is thought to know them. */
  raised: Record<string, number> | null;
}

export interface FreshnessFound {
  /** The worker does not know what is raised: the round has to be run again with it. Nothing was done. */
  unknown: boolean;
  /** What was told of in this round. */
  raised: Record<string, number>;
  /** What is over. */
  cleared: string[];
  /** Why the platform itself is not well, in words. */
  problem: string | null;
}

export type FreshnessActivities = ReturnType<typeof createFreshnessActivities>;

/** Instances that are known to be stale and are looked at again in one round. */
const looksAgain = 200;
/** Rounds between two looks at all marks. */
const marksEvery = 10;
/** Milliseconds that a store has to answer at all, and for a whole round: the first one reads everything. */
const patience = 30_000;
const longestRound = 480_000;
const sideBySide = 8;

type Raised = Readonly<Record<string, number>>;

/** Watches that good backups come in time. What it has read it keeps: a round in which nothing is new costs two lists. */
export function createFreshnessActivities(deps: ActivityDeps) {
  const survey = new Survey(deps.repository, (place) => isInQuorum(deps.copies, place));
  const lookedAt = new Map<string, number>();
  let rounds = 0;
  let measured: ReadonlySet<string> = new Set();
  let known: { token: string; raised: Raised } | null = null;

  async function refresh(): Promise<void> {
    await inTime(deps.repository.assertOwner(deps.platformId), patience);
    await survey.refresh();
    if (rounds % marksEvery === 0) await survey.refreshMarks();
    rounds += 1;
  }

  const judged = (now: number, raised: Raised, storeProblem: string | null = null): Verdict[] =>
    survey.instances
      // Of one that was never looked at nothing can be said.
      .filter(({ id }) => survey.found(id) !== undefined)
      .map((record) => judge(survey, record, { now, storeProblem, wasStale: staleKey(record.id) in raised }));

  /** Looks for backups where something may have changed: where one was made, and where one is due. */
  async function look(now: number, raised: Raised): Promise<void> {
    const never = survey.instances.filter(({ id }) => survey.found(id) === undefined).map(({ id }) => id);
    const stale = judged(now, raised).filter((verdict) => verdict.stale);
    const [again, due] = [true, false].map((was) =>
      stale.map(({ instance }) => instance.id).filter((id) => staleKey(id) in raised === was),
    ) as [string[], string[]];
    again.sort((a, b) => (lookedAt.get(a) ?? 0) - (lookedAt.get(b) ?? 0));
    const made = [...deps.freshlyBackedUp].filter((id) => survey.has(id));
    const wanted = new Set([...made, ...never, ...due, ...again.slice(0, looksAgain)]);
    for await (const id of lookahead([...wanted], sideBySide, async (id) => {
      await survey.look(id);
      return id;
    })) {
      lookedAt.set(id, now);
      deps.freshlyBackedUp.delete(id);
    }
  }

  async function round(now: number, raised: Raised): Promise<FreshnessFound> {
    let problem: string | null = null;
    try {
      await inTime(
        refresh().then(() => look(now, raised)),
        longestRound,
      );
    } catch (error) {
      problem = messageOf(error);
      // Another platform owns it: what is to be told of its instances is that one's to tell.
      if (error instanceof BackupctlError && error.code === 'refused')
        return { unknown: false, raised: {}, cleared: [], problem };
    }
    const verdicts = judged(now, raised, problem);
    measure(verdicts);
    const { all, known } = await conditionsOf(deps, verdicts, problem);
    const found: FreshnessFound = { unknown: false, raised: {}, cleared: [], problem };
    // What is neither true nor untrue any more is not told of: its instance was deleted, or is not watched now.
    if (problem === null) found.cleared = Object.keys(raised).filter((key) => !known.has(key));
    await tell(all, now, raised, found);
    return found;
  }

  async function tell(conditions: readonly Condition[], now: number, raised: Raised, found: FreshnessFound) {
    const { notify } = deps.config;
    const repeat = (notify?.repeat ?? Number.POSITIVE_INFINITY) * 1000;
    const at = new Date(now).toISOString();
    for (const { key, holds, alarm, over } of conditions) {
      const since = raised[key];
      if (holds && (since === undefined || now - since >= repeat)) {
        // One that was lost is raised again in the next round, and not only after `repeat`.
        if (!(await deps.alarms.raise({ ...alarm, executionId: null, at }))) continue;
        // Nobody was told: whoever is named in the configuration later is told then.
        found.raised[key] = notify === null ? 0 : now;
      } else if (!holds && since !== undefined) {
        const { subject, kind } = alarm;
        const recovered = {
          kind: 'recovered' as const,
          subject,
          reason: over,
          cause: kind,
          executionId: null,
          at,
        };
        if (await deps.alarms.raise(recovered)) found.cleared.push(key);
      }
    }
  }

  function measure(verdicts: readonly Verdict[]): void {
    for (const { id, name } of survey.instances) deps.instanceNames.set(id, name);
    for (const { instance, stale, maxAge, lastBackupAt } of verdicts)
      deps.metrics.freshness(instance.name, { stale, maxAge, lastBackupAt });
    const names = new Set(survey.instances.map(({ name }) => name));
    if (rounds > 0) for (const name of measured) if (!names.has(name)) deps.metrics.forget(name);
    measured = names;
  }

  const activities = {
    /** One look at everything: tells of what is new, and calls the dead man's switch where the platform is well. */
    async check_freshness(input: FreshnessInput): Promise<FreshnessFound> {
      const raised = input.raised ?? (known?.token === input.token ? known.raised : null);
      if (raised === null) return { unknown: true, raised: {}, cleared: [], problem: null };
      const found = await round(Date.parse(input.now), raised);
      const next = { ...raised, ...found.raised };
      for (const key of found.cleared) delete next[key];
      known = { token: input.next_token, raised: next };
      if (found.problem === null) await beat(deps);
      else Context.current().log.warn(`the repository cannot be watched: ${found.problem}`);
      return found;
    },
  };
  return withFailures(beating(['check_freshness'], activities));
}

const staleKey = (instanceId: string) => `stale:${instanceId}`;

/** The dead man's switch: whoever is called there notices that the calls have stopped. */
async function beat({ config, metrics, ownText }: ActivityDeps): Promise<void> {
  const url = config.notify?.heartbeatUrl ?? null;
  if (url === null) return;
  try {
    await ask(await ownText(url), "the dead man's switch");
    metrics.heartbeat(true);
  } catch (error) {
    metrics.heartbeat(false);
    Context.current().log.warn(messageOf(error));
  }
}

/** A store that retries for minutes does not answer, as far as a look every minute goes. */
async function inTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const limit = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`it does not answer within ${milliseconds / 1000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    limit.abort();
    work.catch(() => {});
    late.catch(() => {});
  }
}
