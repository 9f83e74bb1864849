import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../test/servers/cache.ts';
import type { RunResult } from './run.ts';

/** A run with what it was done with. */
export interface JournalLine extends RunResult {
  commit: string;
}

const folder = join(cacheDirectory(), 'prove', 'faults');

/** What came of the runs of one seed and one selection of kinds, a line a run, in the cache. */
export class FaultJournal {
  readonly path: string;

  /** @param selection what `--only` said; empty for all short kinds */
  constructor(seed: number, selection: string) {
    mkdirSync(folder, { recursive: true });
    const name = selection === '' ? `seed-${seed}` : `seed-${seed}-${selection.replaceAll(/[^\w-]+/g, '+')}`;
    this.path = join(folder, `${name}.ndjson`);
  }

  read(): JournalLine[] {
    return linesOf(this.path);
  }

  append(line: JournalLine): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

/** All runs of all journals, by file. */
export function everyJournal(): Map<string, JournalLine[]> {
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(folder).filter((name) => name.endsWith('.ndjson'));
  return new Map(names.sort().map((name) => [name.replace(/\.ndjson$/, ''), linesOf(join(folder, name))]));
}

function linesOf(path: string): JournalLine[] {
  try {
    // A line that was cut by the end of the process is a run that is done again.
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    const runs = lines.map((line) => JSON.parse(line) as JournalLine);
    // A run that was done again (after something was mended) counts as it ended then.
    return [...new Map(runs.map((run) => [run.index, run])).values()];
  } catch {
    return [];
  }
}
