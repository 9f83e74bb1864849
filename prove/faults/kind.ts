import type { World, WorldName } from './world.ts';

/** From 0 to below 1; everything random in a run comes from it, so that a seed and a run's number are the plan again. */
export type Random = () => number;

export type FaultGroup = 'processes' | 'store' | 'file system' | 'us' | 'temporal' | 'source';

/** A fault that was injected. */
export interface Injected {
  /**
   * False where there was nothing to strike (the victim had ended): it does not count as tried. To be read after `lift`:
   * a fault that lies in wait for requests learns only by then whether any came.
   */
  readonly struck: boolean;
  /** What was done to whom, for the note of a violation: `SIGKILL to zstd 4711`. */
  readonly what: string;
  /** What the kind itself found that must not be (a command that ended in another way than it has to). Read once lifted. */
  readonly wrong?: readonly string[];
  /**
   * Takes the fault away; called once, also where the run went wrong. After it the world is as it was: servers up, rights
   * given back, what was stopped woken. A platform that was killed is started again here.
   */
  lift(): Promise<void>;
}

/**
 * A kind of fault. Several are drawn for a run, each struck at a random instant while backups, restores and deletions are
 * under way, held for a while, and lifted. Then the world has to become healthy by itself, and the invariants are checked.
 */
export interface FaultKind {
  /** As the table names it and `--only` takes it: `pg_dump-kill`, `store-503-burst`. */
  name: string;
  group: FaultGroup;
  /** What is done, in a few words, for the table. */
  does: string;
  /** Worlds that it can strike in. */
  worlds: readonly WorldName[];
  /** Lasts minutes: never drawn at random; ten runs of its own with `--only`, and alone in its run. */
  minutes?: boolean;
  /** How long it is held at least and at most, in milliseconds. Default 200 to 3,000. */
  hold?: readonly [number, number];
  /** What it ends, starts again or limits: no two faults of a run do so to the same. */
  takes?: 'platform' | 'postgres' | 'store' | 'temporal';
  /** What has to be under way for it to meet anybody, beside any backup: the backup of a whole server, with its globals. */
  meets?: 'whole-server';
  /** Drawn so much more (or less) often than others. Default 1. */
  weight?: number;
  /**
   * What an execution may say that ended ERROR because of it, and a command that could not start one. Tried on the words
   * with what failed before them: `backup: …`, `restore: …`, `delete: …`, `janitor: …`, `start: CODE: …`. Empty: every
   * execution has to end SUCCESS (by a retry, where need be). Anything else is a violation: not the true reason.
   */
  reasons: readonly RegExp[];
  /**
   * Strikes, and returns soon. A kind that breaks committed backups itself (a store that lost objects) says so in
   * `world.expectedDamage`; all others have to verify to their last byte.
   */
  inject(world: World, random: Random): Promise<Injected>;
}

/** A number from `from` to below `to`. */
export function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

/** One of several. @throws Error where there is none */
export function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new Error('there is nothing to choose from');
  return one;
}
