import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Target } from '../engine.ts';
import { applicationName } from './connection.ts';
import { parsePostgresUrl } from './url.ts';

export interface ToolAccess {
  /** Environment of a program that connects by libpq: to whom, as whom, under which name; no secret in it. */
  env: Record<string, string>;
  /** Struck out of what the program prints. */
  secrets: string[];
}

/**
 * Runs the body with what libpq's programs need to connect. The password goes through a passfile of mode 0600 in the
 * scratch folder, which is removed afterwards; HOME is the scratch folder, so that nothing of the user's own
 * (`~/.pgpass`, `~/.postgresql`, `~/.pg_service.conf`) is read.
 * @param database for programs that take it from PGDATABASE, which unlike an argument is never read as a URL
 * @throws BackupctlError configuration, when the password cannot stand in a passfile
 */
export async function withToolAccess<T>(
  target: Target,
  run: { executionId: string; scratch: string },
  database: string | null,
  body: (access: ToolAccess) => Promise<T>,
): Promise<T> {
  const url = parsePostgresUrl(target.url);
  const passfile = join(run.scratch, `passfile-${randomUUID()}`);
  const env: Record<string, string> = {
    HOME: run.scratch,
    PGHOST: url.host,
    PGPORT: String(url.port),
    PGUSER: url.user,
    PGSSLMODE: url.sslmode,
    PGGSSENCMODE: 'disable',
    PGCONNECT_TIMEOUT: String(url.connectTimeout),
    PGAPPNAME: applicationName(run.executionId),
    PGPASSFILE: passfile,
    // pg_dump sets these for its own session; pg_dumpall does not.
    PGOPTIONS: '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0',
  };
  if (url.sslrootcert !== null) env.PGSSLROOTCERT = url.sslrootcert;
  if (url.sslcert !== null) env.PGSSLCERT = url.sslcert;
  if (url.sslkey !== null) env.PGSSLKEY = url.sslkey;
  if (database !== null) env.PGDATABASE = database;
  try {
    if (target.password !== null && target.password !== '') {
      await writeFile(passfile, `*:*:*:*:${escapeForPassfile(target.password)}\n`, {
        mode: 0o600,
        flag: 'wx',
      });
    }
    return await body({ env, secrets: target.password === null ? [] : [target.password] });
  } finally {
    await rm(passfile, { force: true });
  }
}

/** PostgreSQL manual, 32.16: a colon or a backslash is escaped by a backslash; a line holds no line break. */
export function escapeForPassfile(password: string): string {
  if (/[\0\r\n]/.test(password)) {
    throw new BackupctlError(
      'configuration',
      'the password holds a line break or a NUL, which a passfile cannot',
      {
        hint: 'a file with a password has one line',
      },
    );
  }
  return password.replace(/[\\:]/g, '\\$&');
}

/** A database as the value of `--dbname`: libpq would read a name with `=` or `://` as something else. */
export function conninfo(database: string): string {
  return `dbname='${database.replace(/[\\']/g, '\\$&')}'`;
}
