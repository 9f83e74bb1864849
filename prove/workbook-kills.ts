import { type Platform, startPlatform } from '../test/servers/platform.ts';
import { type Comparable, comparableCases, runCases, strike } from '../test/workbooks/many-runs.ts';
import { WorkbookRuns } from '../test/workbooks/workbook-runs.ts';
import { emptyTally, type OpenProof, over, type Proof, type Tally } from './proof.ts';

/** Cases of one batch: they run side by side on a platform that is killed meanwhile. */
const batch = 40;

/**
 * Every case of the workbooks on the platform as it runs, in batches: by turns undisturbed, while the worker and its
 * Temporal are killed at moments of chance, and while runs are cancelled as well.
 */
export const workbookKills: Proof = {
  name: 'workbook-kills',
  claim:
    'the cases of workbooks on the platform: undisturbed, with SIGKILL of the worker or of Temporal too at random moments, and with random cancels: each ends as in Mistral, or CANCELLED where it was cancelled, and nothing is left open',
  unit: 'runs of cases',
  runs: 60,
  open: async () => over(await startPlatform(), prepare),
};

async function prepare(platform: Platform): Promise<OpenProof> {
  const runs = new WorkbookRuns(platform, { patience: 180_000 });
  const cases = comparableCases();
  // What is told to a run by hand may reach a platform that is away: those cases run undisturbed alone.
  const quiet = cases.filter(({ one }) => one.script.length === 0);
  const rounds = [
    { kind: 'calm', cases },
    { kind: 'killed', cases: quiet },
    { kind: 'cancelled', cases: quiet },
  ].flatMap(({ kind, cases: all }) =>
    Array.from({ length: Math.ceil(all.length / batch) }, (_, at) => ({
      kind,
      cases: all.slice(at * batch, (at + 1) * batch),
    })),
  );
  return {
    runs: rounds.length,
    async run(index, random): Promise<Tally> {
      const round = rounds[index] as { kind: string; cases: Comparable[] };
      const started = performance.now();
      const cancelled = round.cases.map(() => (random() < 0.5 ? random() * 4_000 : undefined));
      const running = runCases(platform, runs, round.cases, {
        prefix: `r${index}c`,
        width: round.kind === 'calm' ? 16 : batch,
        cancelAfter: (at) => (round.kind === 'cancelled' ? cancelled[at] : undefined),
      });
      const striking = round.kind === 'calm' ? 0 : strike(platform, running, random, 3);
      const notes = await running;
      const strikes = await striking;
      const open = await runs.openAfterCancel();
      if (open.length > 0) notes.push(`left open: ${open.join(', ')}`);
      const failed = Math.min(notes.length, round.cases.length);
      const good = round.cases.length - failed;
      return {
        ...emptyTally(),
        tried: round.cases.length,
        survived: strikes === 0 ? good : 0,
        retried: strikes === 0 ? 0 : good,
        failed,
        longestSeconds: strikes === 0 ? 0 : (performance.now() - started) / 1000,
        notes: notes.map((note) => `round ${index}, ${round.kind}, ${strikes} kills: ${note}`),
      };
    },
    async close() {
      await runs.close();
      await platform.stop();
    },
  };
}
