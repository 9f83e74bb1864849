import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Engine } from './engine.ts';
import type { EngineFacts } from './facts.ts';

/** A datastore as the registry knows it: its code is loaded only when it is asked for. */
export interface EngineEntry {
  name: string;
  /** Of URLs, without the colon. */
  schemes: readonly string[];
  /** What one looks like, for help. */
  url: string;
  facts(): Promise<{ facts: EngineFacts }>;
  engine(): Promise<{ engine: Engine }>;
}

/** A line for each engine; nothing else outside of its folder knows its name. */
// biome-ignore format: a line each
export const engineEntries: readonly EngineEntry[] = [
  { name: 'postgres', schemes: ['postgres', 'postgresql'], url: 'postgres://USER@HOST:PORT/DATABASE', facts: () => import('./postgres/facts.ts'), engine: () => import('./postgres/engine.ts') },
  { name: 'mysql', schemes: ['mysql', 'mariadb'], url: 'mysql://USER@HOST:PORT/DATABASE', facts: () => import('./mysql/facts.ts'), engine: () => import('./mysql/engine.ts') },
  { name: 'files', schemes: ['file'], url: 'file:///PATH', facts: () => import('./files/facts.ts'), engine: () => import('./files/engine.ts') },
  { name: 'mongodb', schemes: ['mongodb', 'mongodb+srv'], url: 'mongodb://USER@HOST:PORT/DATABASE', facts: () => import('./mongodb/facts.ts'), engine: () => import('./mongodb/engine.ts') },
  { name: 'sqlite', schemes: ['sqlite'], url: 'sqlite:///PATH', facts: () => import('./sqlite/facts.ts'), engine: () => import('./sqlite/engine.ts') },
];

/** The URL schemes of all engines: `postgres://, mysql://`. */
export function knownSchemes(): string {
  return engineEntries.flatMap(({ schemes }) => schemes.map((each) => `${each}://`)).join(', ');
}

/** The engine itself, with its drivers. @throws BackupctlError unsupported */
export async function engineNamed(name: string): Promise<Engine> {
  return (await entryNamed(name).engine()).engine;
}

/** What can be asked without them. @throws BackupctlError unsupported */
export async function factsOf(name: string): Promise<EngineFacts> {
  return (await entryNamed(name).facts()).facts;
}

/**
 * The engine that a URL is for, by its scheme, and the URL's normal form. Errors never quote the URL: it may hold a
 * password.
 * @throws BackupctlError usage
 */
export async function checkInstanceUrl(url: string): Promise<{ engine: string; url: string }> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const entry = engineEntries.find(({ schemes }) => schemes.includes(scheme));
  if (entry === undefined) {
    throw new BackupctlError('usage', 'the URL is of no kind that is known here', {
      hint: `it begins with ${knownSchemes()}`,
    });
  }
  return { engine: entry.name, url: (await entry.facts()).facts.checkUrl(url) };
}

function entryNamed(name: string): EngineEntry {
  const entry = engineEntries.find((known) => known.name === name);
  if (entry !== undefined) return entry;
  throw new BackupctlError('unsupported', `there is no engine ${JSON.stringify(name)} here`, {
    hint: `known: ${engineEntries.map((known) => known.name).join(', ')}; a newer backupctl may have more`,
  });
}
