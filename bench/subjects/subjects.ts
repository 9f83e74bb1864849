import { files } from './files.ts';
import { mongodb } from './mongodb.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';
import type { BenchSubject } from './subject.ts';

/** What `--engine` takes: a line for each. */
export const subjects: Readonly<Record<string, BenchSubject>> = { postgres, mysql, mongodb, files, sqlite };
