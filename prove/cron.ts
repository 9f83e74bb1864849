import { concurrently } from '../client/concurrently.ts';
import { connectTemporal, type TemporalLink } from '../client/connection.ts';
import { matchingTimes } from '../client/matching-times.ts';
import { checkPattern } from '../cron/pattern.ts';
import { offsetAt } from '../cron/wall-clock.ts';
import { differenceFrom, makePattern, withSchedule } from '../test/fixtures/cron-patterns.ts';
import { startTemporal } from '../test/servers/temporal.ts';
import { emptyTally, type OpenProof, type Proof, type Tally } from './proof.ts';

const batch = 100;
const day = 86_400_000;

/** What we say about the fires of a pattern is what Temporal computes, over every zone that Node knows. */
export const cron: Proof = {
  name: 'cron',
  claim: 'fires of generated patterns in every zone, over two years, are those that Temporal computes',
  unit: 'patterns',
  runs: 200,
  async open(): Promise<OpenProof> {
    const temporal = await startTemporal();
    const link = await connectTemporal({
      platform: null,
      dataDir: undefined,
      address: temporal.address,
      namespace: temporal.namespace,
      env: {},
    });
    const zones = await sharedZones(link);
    return {
      async run(_index, random): Promise<Tally> {
        const accepted: { pattern: string; timezone: string; from: number }[] = [];
        while (accepted.length < batch) {
          const pattern = makePattern(random);
          const timezone = zones[Math.floor(random() * zones.length)] ?? 'UTC';
          const from = Date.now() + Math.floor(random() * 700) * day;
          try {
            await checkPattern(pattern);
            accepted.push({ pattern, timezone, from });
          } catch {
            // Lists whose parts overlap, steps that are too long, days that no month has: refused, so never compared.
          }
        }
        const notes: string[] = [];
        await concurrently(accepted, 8, async (each) => {
          const difference = await again(() => differenceFrom(link, each));
          if (difference !== null) notes.push(difference);
        });
        return {
          ...emptyTally(),
          tried: batch,
          survived: batch - notes.length,
          failed: notes.length,
          notes,
        };
      },
      async close() {
        await link.close();
        await temporal.stop();
      },
    };
  },
};

/**
 * The zones of which Node and Temporal have the same rules: both at noon of each day for two years. Governments change
 * rules on short notice, and the two bring editions of their own; which ones differ is said.
 */
async function sharedZones(link: TemporalLink): Promise<string[]> {
  const shared: string[] = [];
  const others: string[] = [];
  const from = new Date();
  const to = new Date(from.getTime() + 731 * day);
  await concurrently(Intl.supportedValuesOf('timeZone'), 8, async (zone) => {
    const noons = await withSchedule(link, '0 12 * * *', zone, (id) =>
      matchingTimes(link, id, from, to),
    ).catch(() => []);
    const isNoon = (at: Date) => (at.getTime() / 60_000 + offsetAt(zone, at.getTime())) % 1440 === 720;
    (noons.length > 700 && noons.every(isNoon) ? shared : others).push(zone);
  });
  process.stdout.write(
    `  ${shared.length} zones; left out, since editions differ: ${others.join(', ') || 'none'}\n`,
  );
  return shared.sort();
}

/** A server on a busy machine may miss a deadline; what it says then is no answer. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}
