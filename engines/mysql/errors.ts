import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { ChildFailedError } from '../process/child.ts';
import { withoutRepeatedData } from '../process/repeated-data.ts';
import { type MysqlUrl, placeOf } from './url.ts';

/** The server's error number of what was thrown, or 0. */
export function numberOf(error: unknown): number {
  const source = error instanceof BackupctlError && error.cause !== undefined ? error.cause : error;
  const found = typeof source === 'object' && source !== null && 'errno' in source ? source.errno : 0;
  return typeof found === 'number' && found > 0 ? found : 0;
}

function codeOf(error: unknown): string {
  const source = error instanceof BackupctlError && error.cause !== undefined ? error.cause : error;
  const first = source instanceof AggregateError ? source.errors[0] : source;
  const code = typeof first === 'object' && first !== null && 'code' in first ? first.code : undefined;
  return typeof code === 'string' ? code : '';
}

export function isTlsUnsupported(error: unknown): boolean {
  return codeOf(error) === 'HANDSHAKE_NO_SSL_SUPPORT';
}

const denied = new Set([1044, 1045, 1142, 1143, 1227, 1370, 1698, 1873, 1879, 3118, 3955, 4151]);
const lockWaits = new Set([1205, 1213, 3572]);

/** Whether an error says that the user may not do it. */
export function isDenied(error: unknown): boolean {
  return denied.has(numberOf(error));
}

export function isLockWait(error: unknown): boolean {
  return lockWaits.has(numberOf(error));
}

/** Why no session could be had, in the server's own words. Never holds the password. */
export function connectionError(error: unknown, url: MysqlUrl, password: string | null): BackupctlError {
  if (error instanceof BackupctlError) return error;
  const first = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const words = strike(messageOf(first), password);
  const code = codeOf(error);
  const number = numberOf(error);
  const at = `the server at ${placeOf(url)}`;
  const options = { cause: error };
  if (number === 1049) {
    return new BackupctlError('not-found', `${at}: ${words}`, {
      ...options,
      hint: 'check the name in the URL',
    });
  }
  if (number === 1040 || number === 1203 || number === 1226) {
    return new BackupctlError('unavailable', `${at}: ${words}`, {
      ...options,
      hint: 'too many sessions at once; it is tried again',
    });
  }
  if (denied.has(number) || number === 1130 || number === 1862 || number === 3159) {
    const none = password === null ? ' (no password is set)' : '';
    return new BackupctlError('credentials', `${at}: ${words}${none}`, {
      ...options,
      hint: 'check user, password, and from where the user may come; `backupctl instance-update` changes user and password',
    });
  }
  if (isTlsUnsupported(error)) {
    return new BackupctlError('unavailable', `${at} offers no TLS, and ssl-mode=${url.sslMode} wants it`, {
      ...options,
      retryable: false,
    });
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO|HANDSHAKE_SSL/.test(code)) {
    return new BackupctlError(
      'credentials',
      `${at}: its certificate is not trusted, or ours is not: ${words}`,
      {
        ...options,
        hint: 'check ssl-ca, ssl-cert and the host name in the URL',
      },
    );
  }
  if (code === 'ECONNREFUSED' || code === 'ENOENT') {
    return new BackupctlError('unavailable', `${at} refuses connections`, {
      ...options,
      hint: 'check that it runs, and the host and port or the socket of the URL',
    });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new BackupctlError('unavailable', `the host name ${url.host} is not known here`, options);
  }
  return new BackupctlError('unavailable', `${at}: ${words}`, options);
}

/** Whether an error of a query means that its session is gone. */
export function isSessionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (
    [1053, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 3169].includes(numberOf(error))
  )
    return true;
  return (
    /^(PROTOCOL_CONNECTION_LOST|PROTOCOL_SEQUENCE_TIMEOUT|ECONN\w*|EPIPE|ETIMEDOUT)$/.test(codeOf(error)) ||
    /connection is in closed state|closed connection/i.test(error.message)
  );
}

/** An error of a query as one of ours, without the values that it quotes; what is none of the server's stays as it is. */
export function queryError(error: unknown, doing: string): unknown {
  if (error instanceof BackupctlError || !(error instanceof Error)) return error;
  const number = numberOf(error);
  if (isSessionLost(error)) {
    return new BackupctlError('unavailable', `${doing}: the session was lost: ${wordsOf(error)}`, {
      cause: error,
    });
  }
  if (number === 0) return error;
  const text = `${doing}: ${wordsOf(error)} (error ${number})`;
  return fromNumber(number, text, error);
}

/** The server's words, without statements and values. */
export function wordsOf(error: unknown): string {
  return withoutRepeatedData(messageOf(error));
}

function fromNumber(number: number, text: string, cause: unknown): BackupctlError {
  if (denied.has(number)) {
    return new BackupctlError('credentials', text, {
      cause,
      hint: 'docs/engines/mysql.md lists the rights that a backup and a restore need',
    });
  }
  if (lockWaits.has(number)) {
    return new BackupctlError('failed', text, {
      cause,
      hint: 'another session holds a lock on a table; SHOW FULL PROCESSLIST names it',
      retryable: true,
    });
  }
  if (number === 1412) {
    return new BackupctlError('failed', text, {
      cause,
      hint: 'a table was changed while it was dumped; the next attempt takes a new snapshot',
      retryable: true,
    });
  }
  if (number === 1153 || number === 1301 || number === 2020) {
    return new BackupctlError('failed', text, {
      cause,
      hint: 'raise max_allowed_packet on the server (SET GLOBAL max_allowed_packet=1073741824): a row is larger than it',
      retryable: false,
    });
  }
  if ([1021, 1114, 3, 1026].includes(number)) {
    return new BackupctlError('no-space', text, {
      cause,
      hint: "there is no room left on the server's disk",
    });
  }
  if (number === 1049) return new BackupctlError('not-found', text, { cause });
  return new BackupctlError('failed', text, { cause });
}

/** What a failed dump or client program means, with what helps. Its last lines stay in the message. */
export function toolError(error: unknown, of: string): unknown {
  if (!(error instanceof ChildFailedError)) return error;
  const lines = error.lines.join('\n');
  const number = Number(
    /(?:Got error: |ERROR |error |\()(\d{1,5})(?:[ :)]|$)/.exec(lines.replace(/exit code \d+/g, ''))?.[1] ??
      0,
  );
  const text = `${of}: ${error.message}`;
  if (
    [2002, 2003, 2005, 2006, 2013, 2055, 1927, 1053].includes(number) ||
    /Lost connection|gone away/i.test(lines)
  ) {
    return new BackupctlError('unavailable', text, {
      cause: error,
      hint: 'the server ended the session or did not answer; look into its log, and at max_allowed_packet and net_write_timeout',
      retryable: true,
    });
  }
  if (number === 2026) {
    return new BackupctlError('credentials', text, {
      cause: error,
      hint: 'check ssl-ca, ssl-cert and the host name',
    });
  }
  if (/No space left on device/.test(lines)) {
    return new BackupctlError('no-space', text, { cause: error, hint: 'make room on the disk' });
  }
  if (number > 0) return fromNumber(number, text, error);
  return new BackupctlError('failed', text, { cause: error, hint: "the lines are the program's own" });
}

function strike(text: string, secret: string | null): string {
  return secret === null || secret.length < 3 ? text : text.replaceAll(secret, '***');
}
