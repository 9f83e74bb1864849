import { concurrently } from '../client/concurrently.ts';
import { connectTemporal } from '../client/connection.ts';
import { checkPattern } from '../client/cron/pattern.ts';
import { differenceFrom, makePattern } from '../test/fixtures/cron-patterns.ts';
import { startTemporal } from '../test/servers/temporal.ts';
import { emptyTally, type OpenProof, type Proof, type Tally } from './proof.ts';

const batch = 100;
const day = 86_400_000;

/** Zones whose rules governments change on short notice: Node's and Temporal's editions of them differ. */
const unsettled = new Set(['Africa/Casablanca', 'Africa/El_Aaiun']);
const zones = Intl.supportedValuesOf('timeZone').filter((zone) => !unsettled.has(zone));

/** What we say about the fires of a pattern is what Temporal computes, over every zone that Node knows. */
export const cron: Proof = {
  name: 'cron',
  claim: `fires of generated patterns in ${zones.length} zones, over two years, are those that Temporal computes`,
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
        await concurrently(accepted, 16, async (each) => {
          const difference = await differenceFrom(link, each);
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
