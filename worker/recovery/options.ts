/** What `backupctl recover` was told. */
export interface RecoverOptions {
  /** A directory or `s3://BUCKET/PREFIX`; default: the repository of the configuration. */
  repository?: string | undefined;
  /** Of an S3 server other than AWS. */
  endpoint?: string | undefined;
  region?: string | undefined;
  /** A file with the secret keys that open the backups; default: that of the configuration. */
  identity?: string | undefined;
  /** Public signing keys that are believed, besides those that the identity vouches for. */
  trust: readonly string[];
  /** Lets the schedules fire, but for those that a person had paused. */
  activate: boolean;
  /** Says what would be done, and writes nothing anywhere. */
  dryRun: boolean;
  dataDir?: string | undefined;
  configFile?: string | undefined;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** What is being done, for a line that is written over. */
  onProgress(line: string): void;
}
