import { setTimeout as sleep } from 'node:timers/promises';
import { openShop, type Shop, waitForState } from '../test/integration/fixture.ts';
import { leftAtLast, leftBehind, objectsOf } from './aftermath.ts';
import { emptyTally, type OpenProof, over, type Proof, type Tally } from './proof.ts';

/** A backup that is cancelled at a random moment leaves nothing; one that was committed before stays whole. */
export const cancel: Proof = {
  name: 'cancel',
  claim: 'a cancel at a random moment leaves no child, upload, object, session or private directory',
  unit: 'backups',
  runs: 60,
  open: async () => over(await openShop({ rows: 30_000 }), prepare),
};

async function prepare(shop: Shop): Promise<OpenProof> {
  const slow = () =>
    shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 1_500_000 });
  const create = (name: string) =>
    shop.platform.json<{ id: string; execution_id: string }>(['backup-create', 'orders', name]);

  slow();
  const begun = performance.now();
  const first = await create('undisturbed');
  await waitForState(shop, first.execution_id, 'SUCCESS');
  const whole = performance.now() - begun;

  return {
    async run(index, random): Promise<Tally> {
      const before = await objectsOf(shop);
      const moment = random() * whole;
      const backup = await create(`cancelled-${index}`);
      await sleep(moment);
      const asked = performance.now();
      const { code, stderr } = await shop.platform.cli(['execution-cancel', backup.execution_id]);
      const { state, output } = await waitForState(
        shop,
        backup.execution_id,
        'CANCELLED',
        'SUCCESS',
        'ERROR',
      );
      const seconds = (performance.now() - asked) / 1000;
      const notes: string[] = [];
      if (state === 'ERROR') notes.push(`ended ERROR: ${output?.error}`);
      if (state === 'CANCELLED' && code !== 0) notes.push(`execution-cancel ended with ${code}: ${stderr}`);
      // CANCELLED is to be shown after the cleanup, so nothing gets any more time here than a process takes to go.
      const own = (file: string) => state === 'SUCCESS' && file.includes(backup.id);
      notes.push(...(await leftAtLast(() => leftBehind(shop, before, own), 1)));
      if (state === 'SUCCESS') {
        const verified = await shop.platform.cli(['backup-verify', backup.id, '--data']);
        if (verified.code !== 0) notes.push(`verify of ${backup.id}: ${verified.stdout}${verified.stderr}`);
      }
      return {
        ...emptyTally(),
        tried: 1,
        survived: notes.length === 0 ? 1 : 0,
        failed: notes.length === 0 ? 0 : 1,
        longestSeconds: seconds,
        notes: notes.map((note) => `run ${index}, cancelled after ${Math.round(moment)} ms: ${note}`),
      };
    },
    close: () => shop.stop(),
  };
}
