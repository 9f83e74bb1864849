import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { SecretReference } from '../repository/manifest.ts';
import { type AllowedPlace, allowedPlace } from './place.ts';
import { parseDuration, parseSize } from './quantities.ts';
// Types only: with no configuration file zod is not loaded.
import type { ConfigDocument } from './schema.ts';

/** What actions of workbooks may do on this worker, with every default filled in. Seconds and bytes. */
export interface WorkbooksConfig {
  http: { allow: readonly AllowedPlace[]; timeout: number; limit: number; maxSize: number };
  /** `allow`: null for any server. */
  email: { allow: readonly AllowedPlace[] | null; verify: boolean };
  /** Files by their absolute paths. */
  ssh: { knownHosts: readonly string[]; keys: readonly string[]; limit: number };
  javascript: { memory: number; limit: number };
  secrets: ReadonlyMap<string, WorkbookSecret>;
}

export interface WorkbookSecret {
  reference: SecretReference;
  /** Hosts that alone may be told; null for any. */
  to: readonly AllowedPlace[] | null;
}

/** @param absolute makes a path of the file absolute */
export function workbooksConfig(
  document: NonNullable<ConfigDocument['workbooks']>,
  absolute: (path: string) => string,
): WorkbooksConfig {
  const { http = {}, email = {}, ssh = {}, javascript = {}, secrets = {} } = document;
  const located = (path: string) =>
    path.startsWith('~/') ? resolve(homedir(), path.slice(2)) : absolute(path);
  return {
    http: {
      allow: places(http.allow),
      timeout: seconds(http.timeout, 60),
      limit: seconds(http.limit, 600),
      maxSize: bytes(http.max_size, 5 * 1024 ** 2),
    },
    email: {
      allow: email.allow === undefined ? null : places(email.allow),
      verify: email.verify ?? true,
    },
    ssh: {
      knownHosts: (ssh.known_hosts ?? []).map(located),
      keys: (ssh.keys ?? []).map((key) =>
        /[/\\]/.test(key) ? located(key) : resolve(homedir(), '.ssh', key),
      ),
      limit: seconds(ssh.limit, 3600),
    },
    javascript: { memory: bytes(javascript.memory, 64 * 1024 ** 2), limit: seconds(javascript.limit, 10) },
    secrets: new Map(
      Object.entries(secrets).map(([name, { file, env = '', to }]): [string, WorkbookSecret] => [
        name,
        {
          reference: file === undefined ? { env } : { file: located(file) },
          to: to === undefined ? null : places(to),
        },
      ]),
    ),
  };
}

function places(texts: readonly string[] | undefined): AllowedPlace[] {
  return (texts ?? []).flatMap((text) => allowedPlace(text) ?? []);
}

function seconds(text: string | undefined, byDefault: number): number {
  return text === undefined ? byDefault : (parseDuration(text) ?? byDefault);
}

function bytes(text: string | undefined, byDefault: number): number {
  return text === undefined ? byDefault : (parseSize(text) ?? byDefault);
}
