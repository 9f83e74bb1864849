import type { Engine } from '../engine.ts';
import { dump } from './dump.ts';
import { facts } from './facts.ts';
import { probe } from './probe.ts';
import { restore } from './restore.ts';
import { cleanUpRestore, finishRestore, removeMarks, sweepRestores } from './restore-cleanup.ts';
import { planRestore } from './restore-plan.ts';
import { runStatements } from './statements.ts';

/** MySQL 5.7 and newer, MariaDB 10.3 and newer, by their own programs: logical backups, a database or a whole server. */
export const engine: Engine = {
  facts,
  probe,
  dump,
  planRestore,
  restore,
  forgetRestore: removeMarks,
  finishRestore,
  cleanUp: cleanUpRestore,
  sweep: sweepRestores,
  runStatements,
};
