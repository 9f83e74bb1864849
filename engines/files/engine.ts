import type { Engine } from '../engine.ts';
import { dump } from './dump.ts';
import { facts } from './facts.ts';
import { probe } from './probe.ts';
import { planRestore, restore } from './restore.ts';
import { cleanUp, finishRestore, forgetRestore, sweep } from './restore-cleanup.ts';

/** Directories of a worker, by GNU tar. */
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
