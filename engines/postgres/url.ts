import { decode, encodePath, number, passwordInUrl, refuse } from '../url-words.ts';

export const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** What a URL of an instance says. It never holds a password. */
export interface PostgresUrl {
  user: string;
  /** A host name, an address (IPv6 without brackets), or the folder of a Unix socket (begins with a slash). */
  host: string;
  port: number;
  /** Null: all databases of the server. */
  database: string | null;
  sslmode: SslMode;
  /** A file of certificates, or `system`; null where none is given. */
  sslrootcert: string | null;
  /** Files of a certificate that says who we are, and of its key (mode 0600, without a passphrase); both or neither. */
  sslcert: string | null;
  sslkey: string | null;
  /** Seconds. */
  connectTimeout: number;
}

const pattern =
  /^(?:postgres|postgresql):\/\/(?:([^@/?#]*)@)?(?:\[([0-9A-Fa-f:.]+(?:%25[\w.-]+)?)\]|([^:/?#@[\]]*))(?::(\d{0,5}))?(?:\/([^?#]*))?(?:\?([^#]*))?$/;

const known = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'connect_timeout', 'host'];

const example = 'postgres://USER@HOST:5432/DATABASE, or without a database for all of them';

/**
 * Reads `postgres://` and `postgresql://` URLs as libpq does, but for what could carry a secret or change what we are.
 * Messages never quote the URL: it might hold a password where none should be.
 * @throws BackupctlError usage
 */
export function parsePostgresUrl(url: string): PostgresUrl {
  const match = pattern.exec(url);
  if (match === null) throw refuse('the URL cannot be read', `write ${example}`);
  const [, userInfo = '', ipv6, name = '', port = '', path = '', query = ''] = match;
  if (userInfo.includes(':')) throw passwordInUrl();
  const parameters = parseQuery(query);
  const user = decode(userInfo, 'user');
  if (user === '') throw refuse('the URL names no user', `write ${example}`);
  const host = hostOf(ipv6?.replace('%25', '%') ?? decode(name, 'host'), parameters.get('host'));
  const database = decode(path, 'database');
  if (Buffer.byteLength(database) > 63)
    throw refuse("the database's name in the URL is longer than 63 bytes");
  const sslmode = parameters.get('sslmode') ?? 'prefer';
  if (!isSslMode(sslmode)) throw refuse(`sslmode in the URL is none of ${sslModes.join(', ')}`);
  const sslrootcert = parameters.get('sslrootcert') ?? null;
  if (sslmode.startsWith('verify-') && sslrootcert === null) {
    throw refuse(
      `sslmode=${sslmode} needs to know whom to trust`,
      'add sslrootcert=FILE, or sslrootcert=system for the authorities that the system trusts',
    );
  }
  if (sslrootcert !== null && sslrootcert !== 'system' && !sslrootcert.startsWith('/')) {
    throw refuse('sslrootcert in the URL is not an absolute path', 'the worker may stand in another folder');
  }
  if (sslrootcert === 'system' && sslmode !== 'verify-full') {
    throw refuse(
      'sslrootcert=system goes with sslmode=verify-full only',
      'anybody can have a certificate for some name',
    );
  }
  const [sslcert, sslkey] = clientCertificate(parameters);
  if (sslcert !== null && sslmode === 'disable') {
    throw refuse('sslcert in the URL goes with TLS, and sslmode=disable turns it off');
  }
  return {
    user,
    host,
    port: number(port === '' ? '5432' : port, 'port', 65535),
    database: database === '' ? null : database,
    sslmode,
    sslrootcert,
    sslcert,
    sslkey,
    connectTimeout: number(parameters.get('connect_timeout') ?? '15', 'connect_timeout', 3600),
  };
}

/** The normal form of a URL. @throws BackupctlError usage */
export function checkUrl(url: string): string {
  return formatPostgresUrl(parsePostgresUrl(url));
}

/** Files that a session by this URL opens. @throws BackupctlError usage */
export function filesIn(url: string): string[] {
  const { sslrootcert, sslcert, sslkey } = parsePostgresUrl(url);
  return [sslrootcert === 'system' ? null : sslrootcert, sslcert, sslkey].filter((file) => file !== null);
}

export function formatPostgresUrl(url: PostgresUrl): string {
  const socket = url.host.startsWith('/');
  const host = socket
    ? ''
    : url.host.includes(':')
      ? `[${url.host.replace('%', '%25')}]`
      : encodeURIComponent(url.host);
  const query = [
    ...(socket ? [`host=${encodePath(url.host)}`] : []),
    ...(url.sslmode === 'prefer' ? [] : [`sslmode=${url.sslmode}`]),
    ...(url.sslrootcert === null ? [] : [`sslrootcert=${encodePath(url.sslrootcert)}`]),
    ...(url.sslcert === null ? [] : [`sslcert=${encodePath(url.sslcert)}`]),
    ...(url.sslkey === null ? [] : [`sslkey=${encodePath(url.sslkey)}`]),
    ...(url.connectTimeout === 15 ? [] : [`connect_timeout=${url.connectTimeout}`]),
  ].join('&');
  const database = url.database === null ? '' : `/${encodeURIComponent(url.database)}`;
  return `postgres://${encodeURIComponent(url.user)}@${host}:${url.port}${database}${query === '' ? '' : `${database === '' ? '/' : ''}?${query}`}`;
}

/** For messages: `db1:5432`, or the path of the socket. */
export function placeOf(url: PostgresUrl): string {
  if (url.host.startsWith('/')) return `${url.host}/.s.PGSQL.${url.port}`;
  return url.host.includes(':') ? `[${url.host}]:${url.port}` : `${url.host}:${url.port}`;
}

function clientCertificate(parameters: Map<string, string>): [string | null, string | null] {
  const [cert, key] = ['sslcert', 'sslkey'].map((name) => {
    const file = parameters.get(name) ?? null;
    if (file === null || file.startsWith('/')) return file;
    throw refuse(`${name} in the URL is not an absolute path`, 'the worker may stand in another folder');
  }) as [string | null, string | null];
  if ((cert === null) === (key === null)) return [cert, key];
  throw refuse('sslcert and sslkey in the URL go together', 'the one is of no use without the other');
}

function parseQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const key = decode(equals === -1 ? pair : pair.slice(0, equals), 'query');
    if (/^(password|pass|pwd|sslpassword|passfile|scram_.*)$/i.test(key)) throw passwordInUrl();
    if (key === 'application_name') {
      throw refuse(
        'application_name in the URL is not possible',
        'sessions are named backupctl/EXECUTION, so that they can be found',
      );
    }
    if (!known.includes(key)) {
      const named = /^[a-z_]{1,40}$/.test(key) ? ` "${key}"` : '';
      throw refuse(`the URL has a parameter${named} that is not known`, `known: ${known.join(', ')}`);
    }
    if (parameters.has(key)) throw refuse(`${key} stands in the URL twice`);
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1), key);
    if (value === '') throw refuse(`${key} in the URL has no value`);
    parameters.set(key, value);
  }
  return parameters;
}

function hostOf(authority: string, parameter: string | undefined): string {
  if (authority !== '' && parameter !== undefined) throw refuse('the URL names two hosts');
  const host = parameter ?? authority;
  if (host === '')
    throw refuse('the URL names no host', `write ${example}; for a socket add ?host=/its/folder`);
  if (host.includes(',')) throw refuse('the URL names several hosts', 'name the one to take backups from');
  if (/\s/.test(host)) throw refuse('the host in the URL holds a space');
  return host;
}

function isSslMode(text: string): text is SslMode {
  return (sslModes as readonly string[]).includes(text);
}
