import type { Verdict } from '../freshness/verdict.ts';
import type { Alarm } from './alarms.ts';
import type { ActivityDeps } from './deps.ts';

/** Something that holds or does not: it is told when it begins, now and then while it goes on, and when it is over. */
export interface Condition {
  /** Names it over time: `stale:<instance id>`. */
  key: string;
  holds: boolean;
  alarm: Pick<Alarm, 'kind' | 'subject' | 'reason' | 'cause'>;
  /** What is said when it is over. */
  over: string;
}

/** So many times the reserve: below it people are told, before backups are refused. */
const lowSpaceFactor = 2;

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * What there is to be told of.
 * @returns `known` has the keys of all that may still be over: others (an instance that was deleted) go without a word
 */
export async function conditionsOf(
  deps: ActivityDeps,
  verdicts: readonly Verdict[],
  problem: string | null,
): Promise<{ all: Condition[]; known: Set<string> }> {
  const all = verdicts.flatMap((verdict) => staleness(verdict) ?? []);
  const space = problem === null ? await lowSpace(deps) : null;
  if (space !== null) all.push(space);
  all.push(oneRecipient(deps));
  const known = new Set(all.map(({ key }) => key));
  // A store that cannot say now how much is free has not become any better.
  known.add('low_space');
  return { all, known };
}

function staleness({ instance, deadline, stale, reason, cause, lastBackupAt }: Verdict): Condition | null {
  if (deadline === null) return null;
  const at = lastBackupAt === null ? 'no backup' : new Date(lastBackupAt).toISOString();
  return {
    key: `stale:${instance.id}`,
    holds: stale,
    alarm: { kind: 'stale', subject: instance.name, reason: reason ?? '', cause: cause ?? 'late' },
    over: `its newest good backup is of ${at}`,
  };
}

async function lowSpace({ repository, config }: ActivityDeps): Promise<Condition | null> {
  const free = await repository.store.freeBytes().catch(() => null);
  if (free === null || config.reserve === 0) return null;
  const { location } = repository.store;
  return {
    key: 'low_space',
    holds: free < config.reserve * lowSpaceFactor,
    alarm: {
      kind: 'low_space',
      subject: location,
      reason: `${gibibytes(free)} are free; below ${gibibytes(config.reserve)} no backup starts`,
      cause: location,
    },
    over: `${gibibytes(free)} are free`,
  };
}

function oneRecipient({ repository }: ActivityDeps): Condition {
  const { location } = repository.store;
  return {
    key: 'one_recipient',
    holds: new Set(repository.keys.recipients).size < 2,
    alarm: {
      kind: 'one_recipient',
      subject: location,
      reason:
        'whoever loses the one identity loses every backup: add an offline recipient (docs/operations.md)',
      cause: location,
    },
    over: 'backups are sealed to several recipients',
  };
}
