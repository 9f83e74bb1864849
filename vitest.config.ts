import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take the longest, longest first. Most of their time they wait: for a minute, or a heartbeat that is missed. */
const longest = [
  'faults',
  'missed',
  'run',
  'cron-property',
  's3-platform',
  'bad-input',
  'secrets',
  'cli-executions',
  'platform-life',
  'client-executions',
  'repository-damage',
  'platform-configuration',
  'clock',
  'engine-mongodb',
  'engine-mysql',
  'engine-postgres',
  'engine-files',
  'engine-sqlite',
  'postgres-dump',
  'cli-platform',
  'cli-backups',
  'postgres-restore-faults',
];

/** Begins with what takes longest, so that no core waits for the last file. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return found < 0 ? longest.length : found;
    };
    return sorted.toSorted((a, b) => place(a) - place(b));
  }
}

/**
 * Real servers are started by the tests, so time limits are generous. Two files run at once: with three on two cores, servers
 * starve each other of time.
 */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: Number(process.env.BACKUPCTL_TEST_WORKERS ?? 2),
    sequence: { sequencer: LongestFirst },
    testTimeout: 180_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    passWithNoTests: false,
  },
});
