import type { Engine } from '../engine.ts';
import { endSessions, sweepSessions } from './cleanup.ts';
import { dump } from './dump.ts';
import { facts } from './facts.ts';
import { probe } from './probe.ts';
import {
  cleanUpRestore,
  finishRestore,
  planRestore,
  removeMarks,
  restore,
  sweepRestores,
} from './restore.ts';
import { runStatements } from './statements.ts';

/** PostgreSQL 12 and newer, by its own programs: logical backups, a database or a whole server at a time. */
export const engine: Engine = {
  facts,
  probe,
  dump,
  planRestore,
  restore,
  forgetRestore: removeMarks,
  finishRestore,
  // Sessions first: nobody can drop the database that they are in.
  cleanUp: async (target, executionId, run) => [
    ...(await endSessions(target, executionId, run)),
    ...(await cleanUpRestore(target, executionId, run)),
  ],
  sweep: async (target, closed, run) => [
    ...(await sweepSessions(target, closed, run)),
    ...(await sweepRestores(target, closed, run)),
  ],
  runStatements,
};
