import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
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

const offsite = () => join(dataDir, 'offsite');
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

/** Waits until the copy has a backup. */
async function copied(id: string): Promise<void> {
  await until(
    async () => (await filesBelow(offsite())).some((file) => file.endsWith(`${id}/manifest.json`)),
    {
      what: `backup ${id} in the copy`,
      timeout: 30_000,
    },
  );
}

describe('with a copy', () => {
  test('a restore over a damage in the middle of the first repository brings every row, and says what it left', async () => {
    await copied(backup.id);
    await flip(join(shop.repository, await dataObject()));
    const made = await restore('from_both');
    expect(made.status).toBe('COMPLETED');
    expect(made.databases[0]?.note).toContain('not all was read from primary');
    expect(await rows('from_both')).toBe(await rows('shop'));
    expect(await logOf(made.execution_id)).toMatch(
      /primary was left: .*cut or changed; reading goes on in offsite/,
    );
  }, 120_000);

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
  }, 120_000);

  test('what is damaged in the first repository is found by a check, healed by a command, and whole then', async () => {
    const damaged = await shop.platform.cli(['repository-check', '--sample', '100%']);
    expect([damaged.code, damaged.stdout]).toEqual([9, expect.stringContaining(await dataObject())]);
    const healed = await shop.platform.cli(['backup-heal', 'base', '--wait']);
    expect([healed.code, healed.stderr]).toEqual([0, '']);
    const line = healed.stdout.split('\n').find((row) => row.includes('.pgc.zst.0000.age'));
    expect(line).toMatch(/primary .* offsite/);
    const verified = await shop.platform.cli(['backup-verify', 'base', '--data', '--copy', 'all']);
    expect([verified.code, verified.stdout]).toEqual([
      0,
      expect.stringContaining('whole in primary, offsite'),
    ]);
    const again = await shop.platform.cli(['backup-heal', backup.id, '--wait']);
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('is whole in primary, offsite')]);
    const checked = await shop.platform.cli(['repository-check', '--data']);
    expect([checked.code, checked.stdout]).toEqual([
      0,
      expect.stringContaining('1 backups in primary, offsite'),
    ]);
    const stats = await shop.platform.json<{ instances: { copy: string; backups: number }[] }>([
      'repository-stats',
    ]);
    expect(stats.instances.map(({ copy, backups }) => [copy, backups])).toEqual([
      ['primary', 1],
      ['offsite', 1],
    ]);
  }, 120_000);

  test('a copy that is away while a backup is deleted owes its bytes, which is said, and pays once it is back', async () => {
    const gone = await shop.platform.json<BackupJson>(['backup-create', 'orders', 'gone', '--wait']);
    await copied(gone.id);
    const sweep = () =>
      shop.platform.json<{ output: { removed: string[]; problems: string[] } }>([
        ...['janitor-run', '--grace', '0', '--wait'],
      ]);
    await sweep();
    const away = join(dataDir, 'unmounted');
    await rename(offsite(), away);
    const deleted = await shop.platform.cli(['backup-delete', gone.id, '--yes', '--wait']);
    expect([deleted.code, deleted.stderr]).toEqual([0, '']);
    const { output } = await sweep();
    expect(output.removed).toContain(`deleted backup ${gone.id}`);
    expect(output.problems).toEqual([
      expect.stringMatching(/^offsite: .*; 1 deleted backups are still there/),
    ]);
    const metrics = async () => (await fetch(`http://127.0.0.1:${shop.platform.port}/metrics`)).text();
    expect(await metrics()).toContain('backupctl_deletion_debt{copy="offsite"} 1');
    expect(await filesBelow(offsite()).catch(() => [])).toEqual([]);
    await rename(away, offsite());
    const shown = await shop.platform.json<{ status: string }>(['backup-show', gone.id]);
    expect(shown.status).toBe('DELETING');
    const paid = await sweep();
    expect(paid.output.removed).toContain(`deleted backup ${gone.id} in offsite`);
    expect(paid.output.problems).toEqual([]);
    expect(await metrics()).toContain('backupctl_deletion_debt{copy="offsite"} 0');
    const left = (await filesBelow(offsite())).filter((file) => file.includes(`${gone.id}/`));
    expect(left.every((file) => file.startsWith('marks/'))).toBe(true);
  }, 120_000);
});
