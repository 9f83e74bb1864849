import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { ChildFailedError } from '../process/child.ts';
import { type MongoUrl, placeOf } from './url.ts';

/** Of MongoDB's error codes (`error_codes.yml`), those that mean something here. */
export const codes = {
  authenticationFailed: 18,
  unauthorized: 13,
  namespaceNotFound: 26,
  namespaceExists: 48,
  commandNotFound: 59,
  illegalOperation: 20,
  notImplemented: 238,
} as const;

/** The server's number of an error; 0 where it is none of the server's. */
export function codeOf(error: unknown): number {
  const source = error instanceof BackupctlError && error.cause !== undefined ? error.cause : error;
  const code = typeof source === 'object' && source !== null && 'code' in source ? source.code : undefined;
  return typeof code === 'number' ? code : 0;
}

/** Whether the server does not know how to do what it was asked. */
export function isUnknownThere(error: unknown): boolean {
  const code = codeOf(error);
  return code === codes.commandNotFound || code === codes.notImplemented;
}

const certificate =
  /certificate|x509|self.signed|unable to (verify|get)|altnames|CERT_|tls: |tlsv1|SSL (alert|routines)|handshake failure/i;
const passing =
  /timed? ?out|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|connection .*closed|server selection|no reachable servers|NotWritablePrimary|not (primary|master)|InterruptedDueTo|ShutdownInProgress|socket|network|connection refused|unexpected EOF|connection reset|broken pipe/i;

/** What went wrong at a server, as one line in its own words. Never holds the password. */
export function serverError(
  error: unknown,
  doing: string,
  url: MongoUrl,
  password: string | null,
): BackupctlError {
  if (error instanceof ChildFailedError) return toolError(error, url, doing);
  if (error instanceof BackupctlError) return error;
  const words = strike(messageOf(error), password);
  return classify(words, codeOf(error), { doing, url, cause: error });
}

/** What one of MongoDB's programs said of its failure. */
function toolError(error: ChildFailedError, url: MongoUrl, doing: string): BackupctlError {
  const failed = [...error.lines].reverse().find((line) => /Failed: |error|could not|panic/i.test(line));
  // `2026-…+0000<tab>Failed: …`: the time is the log's own.
  const words = (failed ?? error.lines.at(-1) ?? error.message)
    .replace(/^\S+T\S+[+-]\d{4}\s+/, '')
    .replace(/^Failed: /, '');
  const classified = classify(`${error.exit.name}: ${words}`, 0, { doing, url, cause: error });
  return error.exit.signal !== null && !error.exit.terminated
    ? new BackupctlError('failed', `${doing}: ${error.message}`, { cause: error })
    : classified;
}

function classify(
  words: string,
  code: number,
  { doing, url, cause }: { doing: string; url: MongoUrl; cause: unknown },
): BackupctlError {
  const at = `MongoDB at ${placeOf(url)}`;
  const line = `${at}, ${doing}: ${words}`;
  if (
    code === codes.authenticationFailed ||
    /auth(entication)? (error|failed)|AuthenticationFailed/i.test(words)
  ) {
    const source = url.options.get('authSource') ?? 'admin';
    return new BackupctlError('credentials', line, {
      cause,
      hint: `check user and password; the user is looked for in the database ${source}, which authSource= in the URL changes`,
    });
  }
  if (code === codes.unauthorized || /not authorized|requires authentication|\(Unauthorized\)/i.test(words)) {
    const none = url.user === null && !url.options.has('tlsCertificateKeyFile');
    return new BackupctlError('credentials', line, {
      cause,
      hint: none
        ? 'name a user in the URL, and give --password-file FILE or --password-env NAME'
        : 'grant the roles backup and restore (docs/engines/mongodb.md has what is needed at the least)',
    });
  }
  if (certificate.test(words)) {
    return new BackupctlError('credentials', `${line}`, {
      cause,
      hint: 'check tlsCAFile, tlsCertificateKeyFile and the host name in the URL',
    });
  }
  if (/no space left|ENOSPC|disk is full|database or disk is full|OutOfDiskSpace/i.test(words)) {
    return new BackupctlError('no-space', line, { cause });
  }
  if (passing.test(words)) return new BackupctlError('unavailable', line, { cause });
  return new BackupctlError('failed', line, { cause });
}

function strike(text: string, password: string | null): string {
  return password === null || password === '' ? text : text.replaceAll(password, '***');
}
