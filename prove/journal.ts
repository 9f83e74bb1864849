import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../test/servers/cache.ts';
import { add, emptyTally, type Tally } from './proof.ts';

/** What was proved so far, a line a run, in the cache: a proof that is ended goes on where it was. */
export class Journal {
  readonly path: string;

  /** Of one proof with one seed. */
  constructor(proof: string, seed: number) {
    const folder = join(cacheDirectory(), 'prove');
    mkdirSync(folder, { recursive: true });
    this.path = join(folder, `${proof}-${seed}.ndjson`);
  }

  read(): { done: number; total: Tally } {
    let text = '';
    try {
      text = readFileSync(this.path, 'utf8');
    } catch {
      // Nothing was proved yet.
    }
    // A line that was cut by the end of the process is a run that is done again.
    const lines = text.split('\n').slice(0, -1);
    const tallies = lines.map((line) => JSON.parse(line) as Tally);
    return { done: tallies.length, total: tallies.reduce(add, emptyTally()) };
  }

  append(tally: Tally): void {
    appendFileSync(this.path, `${JSON.stringify(tally)}\n`);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
