import { defineConfig } from 'vitest/config';

/** Real servers are started by the tests, so time limits are generous and two files run at once. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: Number(process.env.BACKUPCTL_TEST_WORKERS ?? 2),
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    passWithNoTests: false,
    // A machine that is lent may stall for seconds. What passed only at the second try is marked so in the output, and is
    // to be looked into: on a developer's own machine nothing is tried again.
    retry: process.env.CI ? 1 : 0,
  },
});
