import { decode, encodePath, number, passwordInUrl, refuse } from '../url-words.ts';

export const sslModes = ['disabled', 'preferred', 'required', 'verify-ca', 'verify-identity'] as const;
export type SslMode = (typeof sslModes)[number];

export const nonTransactionalModes = ['warn', 'lock'] as const;

/** What a URL of an instance says. It never holds a password. */
export interface MysqlUrl {
  user: string;
  /** A host name or an address (IPv6 without brackets). Beside a socket: `localhost`. */
  host: string;
  port: number;
  /** An absolute path; null for TCP. */
  socket: string | null;
  /** Null: all databases of the server. */
  database: string | null;
  sslMode: SslMode;
  /** Absolute paths; null where none is given. */
  sslCa: string | null;
  sslCert: string | null;
  sslKey: string | null;
  /** Seconds. */
  connectTimeout: number;
  /** Tables whose engine knows no transactions: dumped as they change, with a warning, or locked against writing. */
  nonTransactional: (typeof nonTransactionalModes)[number];
}

const pattern =
  /^(?:mysql|mariadb):\/\/(?:([^@/?#]*)@)?(?:\[([0-9A-Fa-f:.]+(?:%25[\w.-]+)?)\]|([^:/?#@[\]]*))(?::(\d{0,5}))?(?:\/([^?#]*))?(?:\?([^#]*))?$/i;

const example = 'mysql://USER@HOST:3306/DATABASE, or without a database for all of them';

const known = [
  'ssl-mode',
  'ssl-ca',
  'ssl-cert',
  'ssl-key',
  'socket',
  'connect-timeout',
  'non-transactional',
] as const;
type Known = (typeof known)[number];

/**
 * Reads `mysql://` and `mariadb://` URLs. Messages never quote the URL: it might hold a password where none should be.
 * @throws BackupctlError usage
 */
export function parseMysqlUrl(url: string): MysqlUrl {
  const match = pattern.exec(url);
  if (match === null) throw refuse('the URL cannot be read', `write ${example}`);
  const [, userInfo = '', ipv6, name = '', port = '', path = '', query = ''] = match;
  if (userInfo.includes(':')) throw passwordInUrl();
  const parameters = parseQuery(query);
  const user = decode(userInfo, 'user');
  if (user === '') throw refuse('the URL names no user', `write ${example}`);
  const socket = absolute(parameters, 'socket');
  const host = hostOf(ipv6?.replace('%25', '%') ?? decode(name, 'host'), socket);
  const database = decode(path, 'database');
  if ([...database].length > 64) throw refuse("the database's name in the URL is longer than 64 characters");
  const tls = tlsOf(parameters);
  if (socket !== null && tls.sslMode !== 'preferred' && tls.sslMode !== 'disabled') {
    throw refuse('ssl-mode goes with a host', 'what passes through a socket never leaves the machine');
  }
  const nonTransactional = parameters.get('non-transactional') ?? 'warn';
  if (nonTransactional !== 'warn' && nonTransactional !== 'lock') {
    throw refuse(`non-transactional in the URL is none of ${nonTransactionalModes.join(', ')}`);
  }
  return {
    user,
    host,
    port: number(port === '' ? '3306' : port, 'port', 65535),
    socket,
    database: database === '' ? null : database,
    ...tls,
    connectTimeout: number(parameters.get('connect-timeout') ?? '15', 'connect-timeout', 3600),
    nonTransactional,
  };
}

function tlsOf(parameters: ReadonlyMap<Known, string>) {
  const sslMode = parameters.get('ssl-mode') ?? 'preferred';
  if (!isSslMode(sslMode)) throw refuse(`ssl-mode in the URL is none of ${sslModes.join(', ')}`);
  const sslCa = absolute(parameters, 'ssl-ca');
  const sslCert = absolute(parameters, 'ssl-cert');
  const sslKey = absolute(parameters, 'ssl-key');
  if (sslMode.startsWith('verify-') && sslCa === null) {
    throw refuse(
      `ssl-mode=${sslMode} needs to know whom to trust`,
      "add ssl-ca=FILE, with the authority's certificate",
    );
  }
  if ((sslCert === null) !== (sslKey === null)) throw refuse('ssl-cert and ssl-key go together');
  if (sslMode === 'disabled' && (sslCa !== null || sslCert !== null)) {
    throw refuse('ssl-mode=disabled has no use for certificates');
  }
  // As the programs have it: who names an authority wants it to be asked.
  if (sslMode === 'required' && sslCa !== null) {
    throw refuse('ssl-mode=required checks no certificate', 'write ssl-mode=verify-ca or verify-identity');
  }
  if (sslMode === 'preferred' && (sslCa !== null || sslCert !== null)) {
    throw refuse(
      'certificates in the URL want TLS, which ssl-mode=preferred does without where there is none',
      'add ssl-mode=verify-identity, verify-ca or required',
    );
  }
  return { sslMode, sslCa, sslCert, sslKey };
}

/** The normal form of a URL. @throws BackupctlError usage */
export function checkUrl(url: string): string {
  return formatMysqlUrl(parseMysqlUrl(url));
}

/** Files that a session by this URL opens. @throws BackupctlError usage */
export function filesIn(url: string): string[] {
  const { sslCa, sslCert, sslKey } = parseMysqlUrl(url);
  return [sslCa, sslCert, sslKey].filter((file) => file !== null);
}

export function formatMysqlUrl(url: MysqlUrl): string {
  const host = url.host.includes(':')
    ? `[${url.host.replace('%', '%25')}]`
    : encodeURIComponent(url.socket === null ? url.host : '');
  const options: [Known, string | null][] = [
    ['socket', url.socket],
    ['ssl-mode', url.sslMode === 'preferred' ? null : url.sslMode],
    ['ssl-ca', url.sslCa],
    ['ssl-cert', url.sslCert],
    ['ssl-key', url.sslKey],
    ['connect-timeout', url.connectTimeout === 15 ? null : String(url.connectTimeout)],
    ['non-transactional', url.nonTransactional === 'warn' ? null : url.nonTransactional],
  ];
  const query = options
    .flatMap(([key, value]) => (value === null ? [] : [`${key}=${encodePath(value)}`]))
    .join('&');
  const port = url.socket === null ? `:${url.port}` : '';
  const database = url.database === null ? '' : `/${encodeURIComponent(url.database)}`;
  return `mysql://${encodeURIComponent(url.user)}@${host}${port}${database}${query === '' ? '' : `${database === '' ? '/' : ''}?${query}`}`;
}

/** For messages: `db1:3306`, or the path of the socket. */
export function placeOf(url: MysqlUrl): string {
  if (url.socket !== null) return url.socket;
  return url.host.includes(':') ? `[${url.host}]:${url.port}` : `${url.host}:${url.port}`;
}

function parseQuery(query: string): Map<Known, string> {
  const parameters = new Map<Known, string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const key = decode(equals === -1 ? pair : pair.slice(0, equals), 'query');
    if (/^(password|pass|pwd|.*_?password)$/i.test(key)) throw passwordInUrl();
    if (!isKnown(key)) {
      const named = /^[A-Za-z_-]{1,40}$/.test(key) ? ` "${key}"` : '';
      throw refuse(`the URL has a parameter${named} that is not known`, `known: ${known.join(', ')}`);
    }
    if (parameters.has(key)) throw refuse(`${key} stands in the URL twice`);
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1), key);
    if (value === '') throw refuse(`${key} in the URL has no value`);
    parameters.set(key, value);
  }
  return parameters;
}

function absolute(parameters: ReadonlyMap<Known, string>, key: Known): string | null {
  const value = parameters.get(key) ?? null;
  if (value !== null && !value.startsWith('/')) {
    throw refuse(`${key} in the URL is not an absolute path`, 'the worker may stand in another folder');
  }
  return value;
}

function hostOf(authority: string, socket: string | null): string {
  if (socket !== null) {
    if (authority !== '' && authority !== 'localhost') throw refuse('the URL names a host and a socket');
    return 'localhost';
  }
  if (authority === '')
    throw refuse('the URL names no host', `write ${example}; for a socket add ?socket=/its/path`);
  if (authority.includes(','))
    throw refuse('the URL names several hosts', 'name the one to take backups from');
  if (/\s/.test(authority)) throw refuse('the host in the URL holds a space');
  return authority;
}

function isSslMode(text: string): text is SslMode {
  return (sslModes as readonly string[]).includes(text);
}

function isKnown(text: string): text is Known {
  return (known as readonly string[]).includes(text);
}
