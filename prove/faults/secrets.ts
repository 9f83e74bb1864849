import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { descendants } from '../../test/servers/process.ts';
import type { World } from './world.ts';

const run = promisify(execFile);

/** Files that hold secrets on purpose. */
const keepers =
  /\/(identity\.txt|index-identity\.txt|password|secret-access-key|access-key-id|secrets-to-find)$/;

/** Places where a secret is that has no business there. @param texts what commands printed */
export async function leakedSecrets(world: World, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const patterns = await patternFile(world);
  const places = [
    world.workspace.directory,
    ...(world.bucket === null ? [] : [world.bucket.server.directory]),
  ];
  if (world.mount !== null) places.push(world.mount.path);
  for (const place of places) {
    const { stdout } = await run('grep', ['-rlaF', '-f', patterns, '--', place], {
      maxBuffer: 16 * 1024 * 1024,
    }).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
    for (const path of stdout.split('\n')) {
      if (path !== '' && !keepers.test(path)) found.push(`a secret is in ${path}`);
    }
  }
  const said = [...texts, world.platform.stdout, world.platform.stderr].join('\n');
  for (const secret of world.secrets) if (said.includes(secret)) found.push('a secret was printed');
  return found;
}

async function patternFile(world: World): Promise<string> {
  const path = world.workspace.path('secrets-to-find');
  await writeFile(path, world.secrets.join('\n'), { mode: 0o600 });
  return path;
}

/** Whether a secret stands in the words of a process of ours, which everybody on the machine can read. */
export async function secretsInArguments(world: World): Promise<string[]> {
  const found: string[] = [];
  for (const pid of [world.platform.pid, ...(await descendants(world.platform.pid))]) {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (world.secrets.some((secret) => words.includes(secret))) {
      found.push(`a secret stands in the arguments of ${words.split('\0')[0]}`);
    }
  }
  return found;
}
