import type { Repository } from './repository.ts';

/** The name of the first repository, where backups are made; copies bear those of the configuration. */
export const primaryName = 'primary';

/** One of the repositories that hold the same backups: the first, or a copy of it. */
export interface RepositoryPlace {
  /** `primary`, or the name of a copy. */
  readonly name: string;
  /** For messages; never holds a credential. */
  readonly location: string;
  /**
   * Opens it where that has not been done yet; one that cannot be opened is tried again at the next call.
   * @throws BackupctlError unavailable, credentials, not-found, configuration; refused where it is of another id
   */
  repository(): Promise<Repository>;
  /**
   * As `repository`, of our platform: an empty copy is adopted (probed, given the first repository's `backupctl.json`
   * and an epoch), and one whose owner the first repository has left behind follows it. Ownership may be lost right
   * after; whoever commits or deletes looks again.
   * @throws BackupctlError refused where another platform owns it, and for readers that are no platform
   */
  writable(): Promise<Repository>;
}

/** The repositories of a platform. */
export interface Copies {
  readonly primary: RepositoryPlace;
  /** Without `primary`, in the order of the configuration. */
  readonly others: readonly RepositoryPlace[];
  /** In how many repositories, `primary` among them, a backup has to be before it is COMPLETED. */
  readonly quorum: number;
  /** By name. @throws BackupctlError not-found, naming those that there are */
  named(name: string): RepositoryPlace;
  /** All, nearest first: directories before buckets, else in the order of the configuration. */
  nearestFirst(): readonly RepositoryPlace[];
  close(): Promise<void>;
}
