import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Target } from '../engine.ts';
import { connect } from './connection.ts';
import type { Flavour } from './server.ts';
import { type MysqlUrl, parseMysqlUrl } from './url.ts';

export interface ToolAccess {
  /** Stands first on the command line: `--defaults-file=…`, which keeps every other options file out. */
  argument: string;
  /** HOME is the scratch folder: nothing of the user's own (`~/.my.cnf`, `~/.mylogin.cnf`) is read. */
  env: Record<string, string>;
  /** Struck out of what the program prints. */
  secrets: string[];
}

/**
 * Runs the body with an options file (mode 0600, in the scratch folder, removed afterwards) that says to whom, as whom
 * and how to connect, so that none of it stands in the process list.
 * @param lines further options, for the program's own group: `[name, value]`, a null value for one without
 * @throws BackupctlError configuration, when the password cannot stand in an options file
 */
export async function withToolAccess<T>(
  target: Target,
  run: { executionId: string; scratch: string; signal: AbortSignal },
  tool: { flavour: Flavour; group: string; options?: readonly (readonly [string, string | null])[] },
  body: (access: ToolAccess) => Promise<T>,
): Promise<T> {
  const url = parseMysqlUrl(target.url);
  const secure = await isSecure(target, url, run);
  const file = join(run.scratch, `options-${randomUUID()}.cnf`);
  const text = [
    '[client]',
    ...connectionOptions(url, target.password, secure, tool.flavour).map(line),
    `[${tool.group}]`,
    ...(tool.options ?? []).map(line),
    '',
  ].join('\n');
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
    return await body({
      argument: `--defaults-file=${file}`,
      env: { HOME: run.scratch, LC_ALL: 'C.UTF-8' },
      secrets: target.password === null ? [] : [target.password],
    });
  } finally {
    await rm(file, { force: true });
  }
}

/** `preferred` is no word that both families of programs know: so they are told what a session of ours has found. */
async function isSecure(
  target: Target,
  url: MysqlUrl,
  { executionId, signal }: { executionId: string; signal: AbortSignal },
): Promise<boolean> {
  if (url.socket !== null || url.sslMode === 'disabled') return false;
  if (url.sslMode !== 'preferred') return true;
  const session = await connect(target, { executionId, signal });
  await session.end();
  return session.secure;
}

type Option = readonly [string, string | null];

function connectionOptions(
  url: MysqlUrl,
  password: string | null,
  secure: boolean,
  flavour: Flavour,
): Option[] {
  return [
    ['user', url.user],
    ...(password === null || password === '' ? [] : ([['password', password]] as const)),
    ...(url.socket === null
      ? ([
          ['host', url.host],
          ['port', String(url.port)],
          ['protocol', 'tcp'],
        ] as const)
      : ([
          ['socket', url.socket],
          ['protocol', 'socket'],
        ] as const)),
    ...tlsOptions(url, secure, flavour),
    ['loose-connect-timeout', String(url.connectTimeout)],
  ];
}

/**
 * MariaDB's programs check the chain as soon as they are given an authority, and the name by `ssl-verify-server-cert`;
 * without an authority, those of 11.4 and newer would insist on one. MySQL's have `ssl-mode`.
 */
function tlsOptions(url: MysqlUrl, secure: boolean, flavour: Flavour): Option[] {
  const files: Option[] = [
    ...(url.sslCa === null ? [] : ([['ssl-ca', url.sslCa]] as const)),
    ...(url.sslCert === null ? [] : ([['ssl-cert', url.sslCert]] as const)),
    ...(url.sslKey === null ? [] : ([['ssl-key', url.sslKey]] as const)),
  ];
  if (flavour === 'mysql') {
    const mode = { disabled: 'DISABLED', preferred: secure ? 'REQUIRED' : 'DISABLED', required: 'REQUIRED' };
    const word =
      url.sslMode === 'verify-ca'
        ? 'VERIFY_CA'
        : url.sslMode === 'verify-identity'
          ? 'VERIFY_IDENTITY'
          : mode[url.sslMode];
    return [['ssl-mode', url.socket === null ? word : 'PREFERRED'], ...files];
  }
  if (!secure) return [['ssl', '0']];
  return [['ssl', '1'], ['ssl-verify-server-cert', url.sslMode === 'verify-identity' ? '1' : '0'], ...files];
}

/**
 * A line of an options file: the value in double quotes, in which a backslash begins an escape.
 * @throws BackupctlError configuration
 */
export function line([name, value]: Option): string {
  if (value === null) return name;
  if (value.includes('\0')) {
    throw new BackupctlError('configuration', `${name} holds a NUL, which an options file cannot`);
  }
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `${name}="${escaped}"`;
}
