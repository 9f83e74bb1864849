import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupJson, filesBelow, openShop, type Shop } from './fixture.ts';

interface RestoreJson {
  status: string;
  execution_id: string;
  databases: { status: string; note: string }[];
}

let dataDir: string;
let shop: Shop;
let backup: BackupJson;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-copies-'));
  await writeFile(
    join(dataDir, 'backupctl.yaml'),
    'copies:\n  - name: offsite\n    type: filesystem\n    path: offsite\n',
    { mode: 0o600 },
  );
  shop = await openShop({ dataDir, rows: 20_000 });
  backup = await shop.platform.json(['backup-create', 'orders', 'base', '--wait']);
}, 200_000);
afterAll(async () => {
  await shop?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const rows = (database: string) => shop.postgres.psql('SELECT count(*), max(name) FROM items', database);
const restore = (database: string) =>
  shop.platform.json<RestoreJson>([
    ...['restore-create', backup.id, '--to', 'orders', '--create-database', database, '--wait'],
  ]);
const logOf = async (execution: string) => (await shop.platform.cli(['execution-logs', execution])).stdout;

/** A sealed object of the backup, as a path below a repository. */
async function dataObject(): Promise<string> {
  const files = await filesBelow(shop.repository);
  const found = files.find((file) => file.includes(backup.id) && file.endsWith('.pgc.zst.0000.age'));
  return found ?? '';
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** What the platform itself would copy: neither epochs nor logs. */
async function copyByHand(): Promise<void> {
  await mkdir(join(dataDir, 'offsite'), { recursive: true });
  for (const part of ['backupctl.json', 'instances', 'backups', 'marks']) {
    await cp(join(shop.repository, part), join(dataDir, 'offsite', part), { recursive: true }).catch(
      () => {},
    );
  }
}

describe('with a copy', () => {
  test('a restore over a damage in the middle of the first repository brings every row, and says what it left', async () => {
    await copyByHand();
    await flip(join(shop.repository, await dataObject()));
    const made = await restore('from_both');
    expect(made.status).toBe('COMPLETED');
    expect(made.databases[0]?.note).toContain('not all was read from primary');
    expect(await rows('from_both')).toBe(await rows('shop'));
    expect(await logOf(made.execution_id)).toMatch(
      /primary was left: .*cut or changed; reading goes on in offsite/,
    );
  }, 60_000);

  test('the first repository gone, backups are listed, shown, exported, verified and restored from the copy, which is said', async () => {
    const away = join(dataDir, 'away');
    await rename(shop.repository, away);
    try {
      const saying = async (...words: string[]) => {
        const { code, stdout, stderr } = await shop.platform.cli(words);
        expect([words[0], code, stderr]).toEqual([
          words[0],
          0,
          expect.stringContaining('offsite is read instead'),
        ]);
        return stdout;
      };
      expect(await saying('backup-list')).toContain(backup.id);
      expect(await saying('backup-show', 'orders@latest')).toContain(backup.id);
      expect(await saying('backup-verify', 'base', '--data', '--copy', 'offsite')).toContain('whole');
      expect(await saying('backup-export', backup.id, '--to-directory', join(dataDir, 'exported'))).toContain(
        'manifest.json',
      );
      const made = await restore('from_copy');
      expect(made.status).toBe('COMPLETED');
      expect(await rows('from_copy')).toBe(await rows('shop'));
      expect(await logOf(made.execution_id)).toContain('ended SUCCESS');
      // The pin was set where it was read, and ended there.
      const marks = (await filesBelow(join(dataDir, 'offsite'))).filter((file) => file.startsWith('marks/'));
      expect(marks.map((mark) => mark.replace(/^.*-/, ''))).toEqual(
        expect.arrayContaining(['pin.json', 'unpin.json']),
      );
      // Nobody made a new, empty repository where the old one had been.
      expect(await filesBelow(shop.repository).catch(() => [])).toEqual([]);
    } finally {
      await rm(shop.repository, { recursive: true, force: true });
      await rename(away, shop.repository);
    }
  }, 90_000);
});
