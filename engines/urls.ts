import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Manifest } from '../repository/manifest.ts';
import { engineEntries } from './registry.ts';

/** What a client knows of an engine, without loading the drivers and programs that the work itself needs. */
interface EngineFacts {
  /** As in the engine itself. */
  increments: boolean;
  checkUrl(url: string): Promise<string>;
  filesIn(url: string): Promise<string[]>;
  stockRestore(manifest: Manifest): Promise<string[]>;
}

const facts: Record<string, EngineFacts> = {
  postgres: {
    increments: false,
    checkUrl: async (url) => (await import('./postgres/url.ts')).checkUrl(url),
    filesIn: async (url) => (await import('./postgres/url.ts')).filesIn(url),
    stockRestore: async (manifest) => (await import('./postgres/stock-restore.ts')).stockRestore(manifest),
  },
};

/**
 * The engine that a URL is for, and the URL's normal form. Errors never quote the URL: it may hold a password.
 * @throws BackupctlError usage
 */
export async function checkInstanceUrl(url: string): Promise<{ engine: string; url: string }> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const entry = engineEntries.find(({ schemes }) => schemes.includes(scheme));
  if (entry === undefined) {
    const known = engineEntries.flatMap(({ schemes }) => schemes.map((each) => `${each}://`)).join(', ');
    throw new BackupctlError('usage', 'the URL is of no kind that is known here', {
      hint: `it begins with ${known}`,
    });
  }
  return { engine: entry.name, url: await factsOf(entry.name).checkUrl(url) };
}

/** Files that whoever connects by a URL opens, such as that of `sslrootcert`. @throws BackupctlError usage, unsupported */
export function filesOfUrl(engine: string, url: string): Promise<string[]> {
  return factsOf(engine).filesIn(url);
}

/** Whether an engine can make a backup that holds only what changed. @throws BackupctlError unsupported */
export function hasIncrements(engine: string): boolean {
  return factsOf(engine).increments;
}

/** Shell commands that restore a backup with stock tools only. @throws BackupctlError unsupported */
export function stockRestoreOf(manifest: Manifest): Promise<string[]> {
  return factsOf(manifest.engine).stockRestore(manifest);
}

function factsOf(engine: string): EngineFacts {
  const found = facts[engine];
  if (found !== undefined) return found;
  throw new BackupctlError('unsupported', `there is no engine ${JSON.stringify(engine)} here`, {
    hint: `known: ${Object.keys(facts).join(', ')}; a newer backupctl may have more`,
  });
}
