import { files } from './files.ts';
import { mongodb } from './mongodb.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';
import type { EngineSubject } from './subject.ts';

/** A line for each engine of the registry: a test finds one that is missing. */
export const subjects: readonly EngineSubject[] = [postgres, mysql, files, sqlite, mongodb];
