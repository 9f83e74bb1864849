import { open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow } from '../../../test/integration/fixture.ts';
import { type FaultKind, pick } from '../kind.ts';

const base = { group: 'store', worlds: ['copied'] } as const satisfies Partial<FaultKind>;

/** As a disk that is not mounted: the place is not there. */
const away: FaultKind = {
  ...base,
  name: 'copy-away',
  does: 'the repository of the copy gone for a while',
  takes: 'store',
  hold: [500, 8000],
  reasons: [],
  async inject(world) {
    const { copy } = world;
    if (copy === null) return { struck: false, what: 'there is no copy', lift: async () => {} };
    await rename(copy, `${copy}-away`);
    return {
      struck: true,
      what: 'the directory of the copy renamed',
      async lift() {
        // Whoever made a new one in its place has put it where the disk is to be mounted.
        const made = await readdir(copy).catch(() => null);
        if (made !== null) await rename(copy, `${copy}-made-${Date.now()}`);
        await rename(`${copy}-away`, copy);
      },
    };
  },
};

/** A bit of a committed object of the copy, which `backup-heal` brings back. */
const rotten: FaultKind = {
  ...base,
  name: 'copy-rot',
  does: 'a byte of a committed object of the copy changed; then `backup-heal`',
  // It runs a command when it is lifted: nobody else ends the platform then.
  takes: 'platform',
  hold: [0, 3000],
  reasons: [],
  async inject(world, random) {
    const { copy } = world;
    const files = copy === null ? [] : await filesBelow(copy).catch(() => []);
    const manifests = files.filter((file) => file.endsWith('/manifest.json'));
    const { items } = await world.client().backupList({ limit: 200 });
    const completed = items.filter(
      ({ id, status }) => status === 'COMPLETED' && manifests.some((file) => file.includes(id)),
    );
    if (copy === null || completed.length === 0) {
      return { struck: false, what: 'nothing is copied yet', lift: async () => {} };
    }
    // The newest: no operation of a run deletes it.
    const backup = completed.at(-1);
    const objects = files.filter((file) => file.includes(`/${backup?.id}/data/`) && !file.includes('#'));
    const victim = pick(random, objects);
    const at = Math.floor(random() * 200);
    await flip(join(copy, victim), at);
    const wrong: string[] = [];
    return {
      struck: true,
      what: `byte ${at} of ${victim} of the copy`,
      wrong,
      async lift() {
        const client = world.client();
        const { executionId } = await client.backupHeal(backup?.id ?? '');
        await client.executionWait(executionId);
        const { state, output } = await client.executionShow(executionId);
        if (state !== 'SUCCESS') wrong.push(`the healing ended ${state}: ${JSON.stringify(output)}`);
      },
    };
  },
};

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  } finally {
    await file.close();
  }
}

export const copyKinds: readonly FaultKind[] = [away, rotten];
