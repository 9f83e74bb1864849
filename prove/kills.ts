import { setTimeout as sleep } from 'node:timers/promises';
import { openShop, type Shop, waitForState } from '../test/integration/fixture.ts';
import { leftAtLast, leftBehind, objectsOf, workingChildren } from './aftermath.ts';
import { emptyTally, type OpenProof, over, type Proof, type Tally } from './proof.ts';

const victims = ['pg_dump', 'zstd', 'pg_restore', 'tee', 'up', 'everything'] as const;
type Victim = (typeof victims)[number];

/** A kill -9 of any part of it, at a random byte of the dump: the backup ends COMPLETED, and every byte of it is good. */
export const kills: Proof = {
  name: 'kills',
  claim: `kill -9 of ${victims.join(', ')} at a random byte: the run ends SUCCESS, verifies with --data, leaves nothing`,
  unit: 'backups',
  runs: 40,
  open: async () => over(await openShop({ rows: 30_000 }), prepare),
};

async function prepare(shop: Shop): Promise<OpenProof> {
  shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 1_500_000 });
  const start = (name: string) =>
    shop.platform.json<{ id: string; execution_id: string }>(['backup-create', 'orders', name]);
  const arrived = () => shop.proxy.bytes['to-client'];

  const from = arrived();
  await waitForState(shop, (await start('undisturbed')).execution_id, 'SUCCESS');
  const total = arrived() - from;

  return {
    async run(index, random): Promise<Tally> {
      const victim = victims[Math.floor(random() * victims.length)] as Victim;
      const byte = Math.floor(random() * total);
      const before = await objectsOf(shop);
      const base = arrived();
      const backup = await start(`killed-${index}`);
      const ended = { reached: false };
      void waitForState(shop, backup.execution_id, 'SUCCESS', 'ERROR').then(
        () => {
          ended.reached = true;
        },
        () => {},
      );
      while (arrived() - base < byte && !ended.reached) await sleep(5);
      const struck = performance.now();
      const hit = await strike(shop, victim);
      const { state, output } = await waitForState(shop, backup.execution_id, 'SUCCESS', 'ERROR');
      const seconds = (performance.now() - struck) / 1000;
      const notes: string[] = [];
      if (state !== 'SUCCESS') notes.push(`ended ${state}: ${output?.error}`);
      const verified = await shop.platform.cli(['backup-verify', backup.id, '--data']);
      if (verified.code !== 0) notes.push(`verify: ${verified.stdout}${verified.stderr}`);
      const attempts = new Set<string>();
      const own = (file: string) => {
        if (!file.includes(backup.id)) return false;
        attempts.add(/\/data\/([^/]+)\//.exec(file)?.[1] ?? [...attempts][0] ?? '');
        return true;
      };
      notes.push(...(await leftAtLast(() => leftBehind(shop, before, own), 5)));
      attempts.delete('');
      if (attempts.size > 1) notes.push(`objects of ${attempts.size} attempts are left`);
      const { steps } = await shop.platform.json<{ steps: { attempts: number }[] }>([
        'execution-show',
        backup.execution_id,
      ]);
      const again = steps.some((step) => step.attempts > 1);
      return {
        ...emptyTally(),
        tried: 1,
        survived: notes.length === 0 && !again ? 1 : 0,
        retried: notes.length === 0 && again ? 1 : 0,
        failed: notes.length === 0 ? 0 : 1,
        longestSeconds: hit ? seconds : 0,
        notes: notes.map((note) => `run ${index}, ${victim} killed at byte ${byte} of ${total}: ${note}`),
      };
    },
    close: () => shop.stop(),
  };
}

/** @returns false where the victim had ended by itself */
async function strike(shop: Shop, victim: Victim): Promise<boolean> {
  if (victim === 'up' || victim === 'everything') {
    await shop.platform.kill9(victim);
    await shop.platform.restart();
    return true;
  }
  for (const [pid, name] of await workingChildren(shop)) {
    if (name !== victim) continue;
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      return false;
    }
  }
  return false;
}
