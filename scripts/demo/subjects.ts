import type { DemoSubject } from './subject.ts';

/** What `--engine` takes: a line for each. */
export const subjects: Readonly<Record<string, () => Promise<DemoSubject>>> = {
  postgres: async () => (await import('./postgres.ts')).postgres,
  mongodb: async () => (await import('./mongodb.ts')).mongodb,
  files: async () => (await import('./files.ts')).files,
};
