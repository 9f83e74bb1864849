import type { Engine } from '../engine.ts';
import { dump } from './dump.ts';
import { facts } from './facts.ts';
import { probe } from './probe.ts';
import { restore } from './restore.ts';
import { cleanUp, finishRestore, forgetRestore, sweep } from './restore-cleanup.ts';
import { planRestore } from './restore-plan.ts';

/** SQLite 3, by its online backup in a process of its own. */
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
