import type { Engine } from '../engine.ts';
import { dump } from './dump.ts';
import { facts } from './facts.ts';
import { probe } from './probe.ts';
import { restore } from './restore.ts';
import { cleanUp, finishRestore, forgetRestore, sweep } from './restore-cleanup.ts';
import { planRestore } from './restore-plan.ts';

/** MongoDB, by its own programs: logical backups of a database or of a whole replica set. */
export const engine: Engine = {
  facts,
  probe,
  dump,
  planRestore,
  restore,
  forgetRestore,
  finishRestore,
  cleanUp,
  sweep,
};
