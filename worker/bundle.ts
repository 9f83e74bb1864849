import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { cacheDirectory } from './cache-directory.ts';

const root = join(import.meta.dirname, '..');

/**
 * The file with the bundled workflows. The published package ships one; from sources it is made once per state of
 * the sources and kept in the cache. Webpack runs in a child process: in the worker's it would cost 60 MB for good.
 * @param fallback a private directory to keep it in, where the cache cannot be written
 * @throws BackupctlError failed, with webpack's last words
 */
export async function workflowBundle(fallback: string): Promise<string> {
  const shipped = join(root, 'workflow-bundle.js');
  if (existsSync(shipped)) return shipped;
  const name = `${await digestOfSources()}.js`;
  const places = [join(cacheDirectory(process.env), 'bundles'), join(fallback, 'bundles')];
  for (const place of places) {
    const path = join(place, name);
    if (existsSync(path)) return path;
  }
  for (const place of places) {
    try {
      await mkdir(place, { recursive: true, mode: 0o755 });
      const path = join(place, name);
      const temporary = `${path}.${randomUUID()}.tmp`;
      await makeBundle(temporary);
      await rename(temporary, path);
      await removeOlder(place, name);
      return path;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (place === places.at(-1) || (code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM')) throw error;
    }
  }
  throw new BackupctlError('failed', 'the workflows could not be bundled');
}

const program = `bundle-main${extname(import.meta.filename)}`;

/** The folders that workflows import more than types from. */
const bundled = ['errors', 'workbooks', 'workflows'];

/** Everything that the bundle depends on: the sources, and the exact versions of the packages. */
async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of bundled) {
    const names = await readdir(join(root, folder), { recursive: true });
    for (const name of names.sort()) {
      if (!/\.[jt]s$/.test(name)) continue;
      hash
        .update(`${folder}/${name}\0`)
        .update(await readFile(join(root, folder, name)))
        .update('\0');
    }
  }
  const require = createRequire(import.meta.url);
  for (const name of ['@temporalio/worker', '@temporalio/workflow']) {
    hash.update((require(`${name}/package.json`) as { version: string }).version);
  }
  for (const name of ['package.json', `worker/${program}`]) hash.update(await readFile(join(root, name)));
  return hash.digest('hex');
}

function makeBundle(target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, program), target], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    const listen = (chunk: Buffer) => {
      words = (words + chunk.toString('utf8')).slice(-2000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) {
        resolve();
        return;
      }
      const said = words.trim().split('\n').slice(-6).join(' | ');
      reject(new BackupctlError('failed', `the workflows could not be bundled: ${said}`));
    });
  });
}

/** Keeps the ten newest bundles: those of other checkouts and branches may be in use. */
async function removeOlder(place: string, keep: string): Promise<void> {
  const { stat } = await import('node:fs/promises');
  const names = (await readdir(place)).filter((name) => name !== keep);
  const dated = await Promise.all(
    names.map(async (name) => ({
      name,
      at: (await stat(join(place, name)).catch(() => null))?.mtimeMs ?? 0,
    })),
  );
  const old = dated.sort((a, b) => b.at - a.at).slice(9);
  await Promise.all(old.map(({ name }) => rm(join(place, name), { force: true })));
}
