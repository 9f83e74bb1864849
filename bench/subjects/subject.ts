/** A kind of datastore, as the benchmark drives it. */
export interface BenchSubject {
  /** `mariadb-dump`: what reads it in the pipelines, for their names. */
  reader: string;
  /** What is in it, in words. */
  contents: string;
  /** Of the size that was asked for, as much as can be made in a minute or two. */
  share: number;
  /** The least ratios, where more than 1 is wanted. */
  goals?: { pipe: number; restic: number };
  /** Whether restic reads it itself, as it does files: then it does not read the reader's output. */
  resticReads?: true;
  start(directory: string): Promise<RunningBench>;
}

export interface RunningBench {
  /** Makes one of about so many megabytes. */
  make(name: string, megabytes: number): Promise<Source>;
  stop(): Promise<void>;
}

export interface Source {
  /** Words of `instance-create` after the name. */
  instance: string[];
  /** A command line that writes it to standard output, with the reader's own words. */
  read: string;
  /** Where `resticReads`: the directory. */
  directory?: string;
  env: Record<string, string>;
}
