import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { openRepository } from '../config/repository.ts';
import { layout } from '../repository/layout.ts';
import { filesBelow, openShop, type Shop } from '../test/integration/fixture.ts';
import { emptyTally, type OpenProof, over, type Proof, type Tally } from './proof.ts';

const batch = 512;

/**
 * One random bit of each byte of a backup that the product made itself, one at a time: `verify` names the damage, both
 * without and with reading what is inside. In process, since it takes tens of thousands of calls.
 */
export const flip: Proof = {
  name: 'flip',
  claim: 'a flipped bit in each byte of a backup, one at a time, is found by verify and by verify --data',
  unit: 'bytes',
  runs: 0,
  open: async () => over(await openShop({ rows: 20 }), prepare),
};

async function prepare(shop: Shop): Promise<OpenProof> {
  const backup = await shop.platform.json<{ id: string }>(['backup-create', 'orders', 'small', '--wait']);
  const config = await loadConfig({ dataDir: shop.platform.dataDir, env: {}, cwd: shop.platform.dataDir });
  const repository = await openRepository(config, { env: {} });
  const place = { instanceId: shop.instanceId, backupId: backup.id };
  const root = join(shop.repository, layout.backup(place.instanceId, place.backupId)).replace(/\/$/, '');
  const bytes: { path: string; at: number }[] = [];
  for (const file of await filesBelow(root)) {
    const path = join(root, file);
    for (let at = 0; at < readFileSync(path).length; at += 1) bytes.push({ path, at });
  }
  const { signal } = new AbortController();
  const isFound = async (data: boolean) => {
    for await (const _ of repository.verify(place, { data, signal })) return true;
    return false;
  };
  for (const data of [false, true]) if (await isFound(data)) throw new Error('the backup was not whole');

  return {
    runs: Math.ceil(bytes.length / batch),
    async run(index, random): Promise<Tally> {
      const tally = emptyTally();
      for (const { path, at } of bytes.slice(index * batch, (index + 1) * batch)) {
        const good = readFileSync(path)[at] ?? 0;
        const bad = good ^ (1 << Math.floor(random() * 8));
        overwrite(path, at, bad);
        try {
          for (const data of [false, true]) {
            if (await isFound(data)) continue;
            tally.notes.push(`byte ${at} of ${path.slice(root.length)}, ${good} as ${bad}, data ${data}`);
          }
        } finally {
          overwrite(path, at, good);
        }
        tally.tried += 1;
      }
      tally.failed = new Set(tally.notes.map((note) => note.replace(/, data .*/, ''))).size;
      tally.survived = tally.tried - tally.failed;
      return tally;
    },
    async close() {
      await repository.store.close();
      await shop.stop();
    },
  };
}

function overwrite(path: string, at: number, byte: number): void {
  const fd = openSync(path, 'r+');
  try {
    writeSync(fd, Buffer.from([byte]), 0, 1, at);
  } finally {
    closeSync(fd);
  }
}
