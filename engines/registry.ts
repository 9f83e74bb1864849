import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Engine } from './engine.ts';

/** A datastore as the registry knows it: its code is loaded only when it is asked for. */
export interface EngineEntry {
  name: string;
  /** Of URLs, without the colon. */
  schemes: readonly string[];
  load(): Promise<Engine>;
}

export const engineEntries: readonly EngineEntry[] = [
  {
    name: 'postgres',
    schemes: ['postgres', 'postgresql'],
    load: async () => (await import('./postgres/engine.ts')).postgresEngine,
  },
];

/** @throws BackupctlError unsupported */
export async function engineNamed(name: string): Promise<Engine> {
  const entry = engineEntries.find((known) => known.name === name);
  if (entry !== undefined) return entry.load();
  throw new BackupctlError('unsupported', `there is no engine ${JSON.stringify(name)} here`, {
    hint: `known: ${engineEntries.map((known) => known.name).join(', ')}; a newer backupctl may have more`,
  });
}

/** The engine that a URL is for, by its scheme. The URL is not quoted in errors: it may hold a password. @throws BackupctlError usage */
export async function engineForUrl(url: string): Promise<Engine> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const entry = engineEntries.find((known) => scheme !== undefined && known.schemes.includes(scheme));
  if (entry !== undefined) return entry.load();
  const schemes = engineEntries.flatMap((known) => known.schemes.map((each) => `${each}://`)).join(', ');
  throw new BackupctlError('usage', 'the URL is of no kind that is known here', {
    hint: `it begins with ${schemes}`,
  });
}
