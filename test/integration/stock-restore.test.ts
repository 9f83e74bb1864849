import { execFile, spawn } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layout } from '../../repository/layout.ts';
import type { Manifest } from '../../repository/manifest.ts';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import {
  draftOf,
  newKeys,
  newPlace,
  type Owned,
  ownedRepository,
  signal,
} from '../conformance/repository-fixture.ts';
import { projectRoot } from '../servers/cache.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

const run = promisify(execFile);
const script = join(projectRoot, 'docs', 'restore.py');

/** The native dump of a database, through zstd, as a source for the repository. */
function dump(server: PostgresServer, database: string) {
  const child = spawn(
    'bash',
    [
      '-o',
      'pipefail',
      '-c',
      '"$0" --format=custom --compress=0 "$1" | zstd -q -c',
      join(server.binDir, 'pg_dump'),
      database,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        PGHOST: '127.0.0.1',
        PGPORT: String(server.port),
        PGUSER: 'postgres',
        PGPASSWORD: server.superuserPassword,
      },
    },
  );
  const finished = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`pg_dump ended with ${code}`))));
  });
  return { stream: child.stdout, finished };
}

describe('a backup, without backupctl', () => {
  let folder = '';
  let server: PostgresServer;
  let store: Store;
  let owned: Owned;
  let manifest: Manifest;
  let identity = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backupctl-stock-'));
    server = await startPostgres({ version: 18 });
    await server.psql('CREATE DATABASE "Shop \'n\' more"');
    await server.psql(
      'CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 20000) AS n; SELECT lo_create(42)',
      "Shop 'n' more",
    );
    store = await openStore({ type: 'filesystem', path: join(folder, 'repository') });
    const keys = await newKeys();
    identity = join(folder, 'identity.txt');
    await writeFile(identity, keys.identity ?? '', { mode: 0o600 });
    owned = await ownedRepository(store, keys);
    const place = newPlace();
    const attempt = owned.repository.beginAttempt({ ...place, pool: owned.pool, segmentPlain: 200_000 });
    const stream = '%53hop%20%27n%27%20more.pgc.zst';
    const objects = await attempt.write(stream, dump(server, "Shop 'n' more"), { signal });
    expect(objects.length).toBeGreaterThan(1);
    objects.push(await attempt.writeIndex('index', { databases: ['shop'] }));
    const draft = draftOf(place, { attempt, objects, plain: Buffer.alloc(0) });
    const contents = [{ name: "Shop 'n' more", stream, size: null }];
    manifest = (await owned.repository.commit({ ...draft, contents }, owned.platformId)).manifest;
  });

  afterAll(async () => {
    await store?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const restore = (from: string, ...words: string[]) =>
    run('python3', [script, from, '--identity', identity, ...words], {
      env: {
        PATH: `${server.binDir}:${process.env.PATH}`,
        PGHOST: '127.0.0.1',
        PGPORT: String(server.port),
        PGUSER: 'postgres',
        PGPASSWORD: server.superuserPassword,
      },
    });
  const ownFolder = () => join(folder, 'repository', layout.backup(manifest.instance.id, manifest.id));
  const exported = async (name: string) => {
    await owned.repository.exportBackup(manifest, join(folder, name), { unsealed: false, signal });
    return join(folder, name);
  };
  const fingerprint = (database: string) =>
    server.psql("SELECT count(*), md5(string_agg(id || note, ',' ORDER BY id)) FROM orders", database);

  test('comes back with stock tools from the folder of the repository, under its own name', async () => {
    const before = await fingerprint("Shop 'n' more");
    await server.psql('ALTER DATABASE "Shop \'n\' more" RENAME TO original');
    const { stdout } = await restore(ownFolder());
    expect(stdout).toMatch(/all hashes match\n {2}Shop 'n' more\n/);
    await restore(ownFolder(), '--restore', "Shop 'n' more");
    expect(await fingerprint("Shop 'n' more")).toBe(before);
    expect((await server.psql('SELECT count(*) FROM pg_largeobject_metadata', "Shop 'n' more")).trim()).toBe(
      '1',
    );
  });

  test('comes back from an export, into a database of an odd name', async () => {
    await server.psql('CREATE DATABASE "it\'s \\ odd"');
    await restore(await exported('export'), '--restore', "Shop 'n' more", '--into', "it's \\ odd");
    expect(await fingerprint("it's \\ odd")).toBe(await fingerprint("Shop 'n' more"));
  });

  test('is refused by the script when a byte of an object or of the manifest is another, or one is missing', async () => {
    const copy = await exported('damaged');
    for (const name of await readdir(copy)) {
      const path = join(copy, name);
      const bytes = await readFile(path);
      const changed = Buffer.from(bytes);
      changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
      for (const damage of [() => writeFile(path, changed), () => appendFile(path, '\0'), () => rm(path)]) {
        await damage();
        await expect(restore(copy), name).rejects.toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/^restore\.py: /),
        });
        await writeFile(path, bytes);
      }
    }
    await restore(copy);
  });

  test('is refused by the script when nobody trusted signed it', async () => {
    const stranger = (await newKeys()).trusted[0] ?? '';
    await expect(restore(ownFolder(), '--trust', stranger)).rejects.toMatchObject({
      stderr: expect.stringMatching(/not signed by a key that you trust/),
    });
  });

  test('is checked and opened by the commands of the page', async () => {
    const page = await readFile(join(projectRoot, 'docs', 'restore-without-backupctl.md'), 'utf8');
    const byHand = page.slice(page.indexOf('## 3. By hand'));
    const blocks = [...byHand.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
    expect(blocks).toHaveLength(3);
    for (const [name, from] of [
      ['repository', ownFolder()],
      ['export', await exported('by-hand')],
    ] as const) {
      const home = await mkdtemp(join(folder, 'home-'));
      await run('cp', ['-r', from, join(home, 'backup')]);
      await run('cp', [identity, home]);
      const last =
        blocks[2]?.replace('shop.pgc', '%53hop*.pgc').replace(/pg_restore .*/, 'pg_restore --file=-') ?? '';
      const { stdout } = await run(
        'bash',
        ['-e', '-o', 'pipefail', '-c', `${blocks[0]}${blocks[1]}${last}`],
        {
          cwd: home,
          env: { PATH: `${server.binDir}:${process.env.PATH}`, HOME: home },
        },
      );
      expect(stdout, name).toMatch(/Signature Verified Successfully/);
      expect(stdout.match(/: OK$/gm), name).toHaveLength(manifest.objects.length);
      expect(stdout, name).toMatch(/^COPY public\.orders /m);
    }
  });
});
