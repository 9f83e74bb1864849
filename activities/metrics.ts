import type { ExecutionState } from '../workflows/types.ts';

/** What backups wait in: behind earlier runs, for a worker, for a place on it. */
export type Queue = 'lane' | 'worker' | 'slot';

/** Places for dumps and restores on a worker. */
export interface SlotsInUse {
  all: number;
  inUse: number;
  /** How many dumps and restores wait for one. */
  waitedFor: number;
}

/** What activities count. None of it throws, and none of it waits. `docs/metrics.md` has the names. */
export interface ActivityMetrics {
  /** A good backup is in the repository. Bytes: compressed, before sealing; and sealed. Seconds: dump and upload. */
  backupMade(instance: string, made: { seconds: number; bytesIn: number; bytesOut: number }): void;

  /** An execution of `backup_create` is over. @param reason the code of its error, where it failed */
  backupEnded(instance: string, state: ExecutionState, reason: string | null): void;

  /** How long a backup waited, in seconds. */
  waited(queue: Queue, seconds: number): void;

  /** How to find out how busy this worker is, whenever somebody asks. */
  slots(look: () => SlotsInUse): void;

  /** The retention of a schedule took a look after a good run. */
  retained(instance: string, result: 'success' | 'doubt' | 'failure', tombstoned: number): void;

  /** Backups whose bytes the janitor removed. */
  removed(backups: number): void;

  /** Backups that a copy should hold and does not; to be told again at each look, 0 as well. */
  copyDebt(copy: string, backups: number): void;

  /** Deleted backups that a repository still holds though their grace is over; to be told at each look, 0 as well. */
  deletionDebt(copy: string, backups: number): void;

  /** A try to tell somebody. */
  notification(channel: string, success: boolean): void;

  /** A try to reach the dead man's switch. */
  heartbeat(success: boolean): void;

  /**
   * A look at an instance's newest good backup. `maxAge`: seconds that it may have now; null where it is not watched.
   * `lastBackupAt`: milliseconds; null where there is none.
   */
  freshness(
    instance: string,
    state: { stale: boolean; maxAge: number | null; lastBackupAt: number | null },
  ): void;

  /** An instance that is no more. */
  forget(instance: string): void;
}
