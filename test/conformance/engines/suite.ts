import { afterAll, beforeAll, describe } from 'vitest';
import { accessCases } from './access-cases.ts';
import { contentsCases } from './contents-cases.ts';
import { faultCases } from './fault-cases.ts';
import { restoreCases } from './restore-cases.ts';
import type { EngineSubject } from './subject.ts';
import { summary } from './summary.ts';
import { Trial } from './trial.ts';

/**
 * Runs every case that there is on an engine, with real servers, and prints at the end what the engine can do and what
 * was not shown. The cases are the same for all: what differs is the subject's.
 */
export function conformance(subject: EngineSubject): void {
  describe(`the engine ${subject.engine}`, () => {
    const trial = new Trial(subject);
    beforeAll(() => trial.start());
    afterAll(async () => {
      await trial.stop();
      process.stdout.write(`${summary(trial)}\n`);
    });
    accessCases(trial);
    contentsCases(trial);
    restoreCases(trial);
    faultCases(trial);
  });
}
