/** Where the cases run, and what they may name. */
export interface Scene {
  /** A folder of the test's own. */
  path(...parts: string[]): string;
  /** Of a platform that is up. */
  dataDir: string;
  /** `postgres://postgres@127.0.0.1:PORT/shop` */
  url: string;
  passwordFile: string;
  wrongPasswordFile: string;
  closedPort: number;
  /** Registered as `orders`. */
  instanceId: string;
  /** A schedule of `orders`. */
  scheduleId: string;
  /** An execution of another schedule. */
  foreignExecutionId: string;
  /** Two backups of `orders` are named `twice`. */
  backupId: string;
}

/** One bad input: what is typed, and what must come back. */
export interface BadInput {
  /** What is wrong, in words. */
  title: string;
  args: (scene: Scene) => string[];
  env?: (scene: Scene) => Record<string, string>;
  /** Whether BACKUPCTL_DATA_DIR names the platform. Default true. */
  platform?: boolean;
  code: number;
  /** Each stands in the one line. */
  says: (string | RegExp)[];
  /** Must not stand there: secrets. */
  hides?: string;
}
