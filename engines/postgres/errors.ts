import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { ChildFailedError } from '../process/child.ts';
import { type PostgresUrl, placeOf } from './url.ts';

/** The SQLSTATE or the system's error code of what was thrown, or an empty text. */
export function codeOf(error: unknown): string {
  const source = error instanceof BackupctlError && error.cause !== undefined ? error.cause : error;
  const first = source instanceof AggregateError ? source.errors[0] : source;
  const code = typeof first === 'object' && first !== null && 'code' in first ? first.code : undefined;
  return typeof code === 'string' ? code : '';
}

export function isNoSuchDatabase(error: unknown): boolean {
  return codeOf(error) === '3D000';
}

export function isTlsUnsupported(error: unknown): boolean {
  return error instanceof Error && /does not support SSL/i.test(error.message);
}

/** Why no session could be had, in the server's own words. Never holds the password. */
export function connectionError(
  error: unknown,
  url: PostgresUrl,
  database: string,
  password: string | null,
): BackupctlError {
  if (error instanceof BackupctlError) return error;
  const first = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const words = strike(messageOf(first), password);
  const code = codeOf(error);
  const at = `PostgreSQL at ${placeOf(url)}`;
  const options = { cause: error };
  if (/^28/.test(code)) {
    return new BackupctlError('credentials', `${at}: ${words}`, {
      ...options,
      hint: 'check user, password and pg_hba.conf; `backupctl instance-update` changes user and password',
    });
  }
  if (/client password must be a|password was given|SASL: SCRAM/i.test(words)) {
    const none = password === null;
    return new BackupctlError(
      'credentials',
      none ? `${at} asks for a password of ${url.user}, and none is set` : `${at}: ${words}`,
      { ...options, hint: 'give --password-file FILE or --password-env NAME' },
    );
  }
  if (code === '3D000') {
    return new BackupctlError('not-found', `${at}: ${words}`, {
      ...options,
      hint: 'check the name in the URL',
    });
  }
  if (code === '42501') {
    return new BackupctlError('credentials', `${at}, database ${database}: ${words}`, {
      ...options,
      hint: `GRANT CONNECT ON DATABASE … TO "${url.user}"`,
    });
  }
  if (isTlsUnsupported(error)) {
    return new BackupctlError('unavailable', `${at} offers no TLS, and sslmode=${url.sslmode} wants it`, {
      ...options,
      retryable: false,
    });
  }
  if (/^ERR_SSL_.*ALERT_.*(UNKNOWN_CA|CERTIFICATE)/.test(code)) {
    return new BackupctlError('credentials', `${at} refuses the certificate of the client`, {
      ...options,
      hint: 'check sslcert and sslkey in the URL, and ssl_ca_file of the server',
    });
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code)) {
    return new BackupctlError('credentials', `${at}: its certificate is not trusted: ${words}`, {
      ...options,
      hint: 'check sslrootcert and the host name in the URL',
    });
  }
  if (code === 'ECONNREFUSED') {
    return new BackupctlError('unavailable', `${at} refuses connections`, {
      ...options,
      hint: 'check that it runs, and the host and port of the URL',
    });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new BackupctlError('unavailable', `the host name ${url.host} is not known here`, options);
  }
  return new BackupctlError('unavailable', `${at}: ${words}`, options);
}

/** Whether an error of a query means that its session is gone: ended by the server or an administrator, or cut. */
export function isSessionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  if (/^(08|57P)/.test(code)) return true;
  const system = code === '' || /^E[A-Z]/.test(code);
  return system && /terminat|connection|queryable|ECONN|EPIPE|timeout/i.test(`${error.message} ${code}`);
}

/** An error of a query as one of ours; what is none of the server's stays as it is. */
export function queryError(error: unknown, doing: string): unknown {
  if (error instanceof BackupctlError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code === '42501') {
    return new BackupctlError('credentials', `${doing}: ${messageOf(error)}`, {
      cause: error,
      hint: 'GRANT pg_read_all_data to the user of the backup',
    });
  }
  if (code === '55P03') {
    return new BackupctlError('failed', `${doing}: ${messageOf(error)}`, {
      cause: error,
      hint: 'another session holds a lock on a table; the log names it',
      retryable: true,
    });
  }
  if (isSessionLost(error)) {
    return new BackupctlError('unavailable', `${doing}: the session was lost: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return /^[0-9A-Z]{5}$/.test(code)
    ? new BackupctlError('failed', `${doing}: ${messageOf(error)}`, { cause: error })
    : error;
}

/** What a failed pg_dump, pg_dumpall or pg_restore means, with what helps. Its last lines stay in the message. */
export function toolError(error: unknown, of: string): unknown {
  if (!(error instanceof ChildFailedError)) return error;
  const lines = error.lines.join('\n');
  const make = (code: BackupctlError['code'], hint: string, retryable?: boolean) =>
    new BackupctlError(code, `${of}: ${error.message}`, { cause: error, hint, retryable });
  if (/row-level security policy/.test(lines)) {
    return make('refused', 'row security hides rows from the user: ALTER ROLE … BYPASSRLS');
  }
  if (/permission denied/.test(lines))
    return make('credentials', 'GRANT pg_read_all_data to the user of the backup');
  if (/password authentication failed|no password supplied|no pg_hba\.conf entry/.test(lines)) {
    return make('credentials', 'check user, password and pg_hba.conf');
  }
  if (/lock timeout/.test(lines)) {
    return make('failed', 'another session holds a lock on the table; the log names it', true);
  }
  if (/no matching (schemas|tables|extensions)|no matching .* were found/.test(lines)) {
    return make('usage', 'each pattern of --include and --exclude has to match something', false);
  }
  if (/invalid snapshot identifier|could not import the requested snapshot/.test(lines)) {
    return make(
      'failed',
      'the session that held the snapshot was ended; the next attempt takes a new one',
      true,
    );
  }
  if (
    /(connection to server|server closed the connection|could not connect|terminating connection)/.test(lines)
  ) {
    return make('unavailable', 'the server ended the session or did not answer; look into its log', true);
  }
  if (/out of shared memory/.test(lines)) {
    return make('failed', 'a dump locks every table: raise max_locks_per_transaction on the server', false);
  }
  if (/No space left on device/.test(lines)) return make('no-space', 'make room on the disk');
  return make('failed', "the lines are the program's own");
}

function strike(text: string, secret: string | null): string {
  return secret === null || secret.length < 3 ? text : text.replaceAll(secret, '***');
}
