import type { DemoSubject } from './subject.ts';

/** What `--engine` takes: a line for each. */
export const subjects: Readonly<Record<string, () => Promise<DemoSubject>>> = {
  postgres: async () => (await import('./postgres.ts')).postgres,
  mongodb: async () => (await import('./mongodb.ts')).mongodb,
  mysql: async () => (await import('./mysql.ts')).mysql,
  sqlite: async () => (await import('./sqlite.ts')).sqlite,
  files: async () => (await import('./files.ts')).files,
};
