import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { descendants } from '../../test/servers/process.ts';
import type { Ledger } from './ledger.ts';
import { tools } from './toolbox.ts';
import type { World } from './world.ts';

/** Everything that a run left which nobody asked for; nothing where all is well. */
export async function leftovers(
  world: World,
  ledger: Ledger,
  databases: ReadonlySet<string>,
): Promise<string[]> {
  return [
    ...(await ledger.strays()).map((file) => `object ${file}`),
    ...(await unfinishedUploads(world)).map((key) => `unfinished upload ${key}`),
    ...(await strayProcesses(world)),
    ...(await strayDirectories(world)),
    ...(await strayDatabases(world, databases)),
    ...(await sessions(world)),
  ];
}

async function unfinishedUploads({ bucket }: World): Promise<string[]> {
  if (bucket === null) return [];
  const client = bucket.server.client();
  try {
    const { Uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket.server.bucket }),
    );
    return Uploads.map(({ Key }) => Key ?? '');
  } finally {
    client.destroy();
  }
}

/** Tools below the platform, and whatever speaks of this world and has lost its parent. */
async function strayProcesses(world: World): Promise<string[]> {
  const below = new Set(await descendants(world.platform.pid));
  const ours = new Set([process.pid, ...(await descendants(process.pid))]);
  const found: string[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    try {
      const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      if (below.has(pid)) {
        if ((tools as readonly string[]).includes(comm) || comm === 'sleep')
          found.push(`process ${comm} (${pid})`);
        continue;
      }
      if (ours.has(pid)) continue;
      const words =
        readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (words.includes(world.workspace.directory)) found.push(`process ${comm} (${pid}), orphaned`);
    } catch {
      // It has ended meanwhile, or is the kernel's own.
    }
  }
  return found;
}

/** Private directories of activities that are over. */
async function strayDirectories(world: World): Promise<string[]> {
  const names = await readdir(join(world.platform.dataDir, 'scratch')).catch(() => []);
  const found = names.map((name) => `private directory ${name}`);
  const temporary = await readdir(world.workspace.path('tmp'));
  return [...found, ...temporary.map((name) => `temporary file ${name}`)];
}

async function strayDatabases(world: World, known: ReadonlySet<string>): Promise<string[]> {
  const names = (await world.postgres.psql('SELECT datname FROM pg_database ORDER BY 1')).split('\n');
  return names.filter((name) => !known.has(name)).map((name) => `database ${name}`);
}

/** Sessions over TCP: the product's. Ours come by the socket. */
async function sessions(world: World): Promise<string[]> {
  const rows = await world.postgres.psql(
    `SELECT format('%s in %s, %s: %s', application_name, datname, state, left(query, 60)) FROM pg_stat_activity
     WHERE client_addr IS NOT NULL`,
  );
  return rows === '' ? [] : rows.split('\n').map((row) => `session ${row}`);
}
