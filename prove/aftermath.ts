import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow, productSessions, type Shop } from '../test/integration/fixture.ts';
import { descendants } from '../test/servers/process.ts';

const tools = new Set(['pg_dump', 'pg_dumpall', 'pg_restore', 'psql', 'zstd', 'tee']);

/** Processes of a platform that work on data, by name. */
export async function workingChildren(shop: Shop): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const pid of await descendants(shop.platform.pid)) {
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    if (tools.has(name)) found.set(pid, name);
  }
  return found;
}

/**
 * Everything in the repository but what a run leaves on purpose: its log, and, where its backup was given up, the mark
 * that keeps a late commit from counting.
 */
export async function objectsOf(shop: Shop): Promise<Set<string>> {
  return new Set((await filesBelow(shop.repository)).filter((file) => !/^(executions|marks)\//.test(file)));
}

/**
 * What a run left that should not be: children, sessions at the source, private directories, and files of the
 * repository (unfinished uploads are files as well) that were not there before and that `expected` does not know.
 */
export async function leftBehind(
  shop: Shop,
  before: ReadonlySet<string>,
  expected: (file: string) => boolean = () => false,
): Promise<string[]> {
  const left: string[] = [];
  for (const [pid, name] of await workingChildren(shop)) left.push(`child ${name} (${pid})`);
  for (const session of await productSessions(shop)) left.push(`session ${session}`);
  for (const name of await readdir(join(shop.platform.dataDir, 'scratch')).catch(() => [])) {
    left.push(`private directory ${name}`);
  }
  for (const file of await objectsOf(shop)) {
    if (!before.has(file) && !expected(file)) left.push(`object ${file}`);
  }
  return left;
}

/** The same, once it has had some seconds to end by itself: processes die a moment after they were told to. */
export async function leftAtLast(look: () => Promise<string[]>, seconds: number): Promise<string[]> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const left = await look();
    if (left.length === 0 || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
