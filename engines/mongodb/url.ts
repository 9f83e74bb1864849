import { decode, passwordInUrl, refuse } from '../url-words.ts';

/** What a URL of an instance says. It never holds a password. */
export interface MongoUrl {
  /** `mongodb+srv`: the hosts stand in the DNS. */
  srv: boolean;
  /** Null: nobody, or whom the client certificate names. */
  user: string | null;
  /** `host:port` each, IPv6 in brackets; a socket is its absolute path; of `mongodb+srv` the one name without a port. */
  hosts: string[];
  /** Null: all databases of the server. */
  database: string | null;
  /** By their names as MongoDB writes them, in the order of `options`; `authSource` is there whenever there is a user. */
  options: ReadonlyMap<string, string>;
}

interface Option {
  /** What a value has to look like. */
  values: RegExp;
  /** In words, for the error. */
  words: string;
}

const flag: Option = { values: /^(true|false)$/, words: 'true or false' };
const milliseconds: Option = { values: /^[1-9]\d{0,6}$/, words: 'a number of milliseconds' };
const file: Option = {
  values: /^\//,
  words: 'an absolute path, since the worker may stand in another folder',
};

const known: Readonly<Record<string, Option>> = {
  authSource: { values: /./, words: 'the name of a database' },
  authMechanism: {
    values: /^(SCRAM-SHA-1|SCRAM-SHA-256|PLAIN|MONGODB-X509)$/,
    words: 'SCRAM-SHA-256, SCRAM-SHA-1, PLAIN or MONGODB-X509',
  },
  replicaSet: { values: /./, words: 'the name of a replica set' },
  readPreference: {
    values: /^(primary|primaryPreferred|secondary|secondaryPreferred|nearest)$/,
    words: 'primary, primaryPreferred, secondary, secondaryPreferred or nearest',
  },
  maxStalenessSeconds: { values: /^(9\d|[1-9]\d{2,5})$/, words: 'a number of seconds, 90 at the least' },
  directConnection: flag,
  tls: flag,
  tlsCAFile: file,
  tlsCertificateKeyFile: file,
  tlsInsecure: flag,
  connectTimeoutMS: milliseconds,
  serverSelectionTimeoutMS: milliseconds,
  socketTimeoutMS: milliseconds,
  retryWrites: flag,
  w: { values: /^(majority|\d{1,2})$/, words: 'majority or a number' },
};

const files = ['tlsCAFile', 'tlsCertificateKeyFile'] as const;
const example = 'mongodb://USER@HOST:27017/DATABASE, or without a database for all of them';
const pattern = /^(mongodb|mongodb\+srv):\/\/(?:([^@/?#]*)@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;

/**
 * Reads `mongodb://` and `mongodb+srv://` URLs as MongoDB's drivers do (connection string specification), but for what
 * could carry a secret or change what we are. Messages never quote the URL: it might hold a password.
 * @throws BackupctlError usage
 */
export function parseMongoUrl(url: string): MongoUrl {
  const match = pattern.exec(url);
  if (match === null) throw refuse('the URL cannot be read', `write ${example}`);
  const [, scheme = '', userInfo, hostList = '', path = '', query = ''] = match;
  if (userInfo?.includes(':')) throw passwordInUrl();
  const user = userInfo === undefined ? null : decode(userInfo, 'user');
  if (user === '') throw refuse('the URL names an empty user', 'leave the @ out where there is no user');
  const srv = scheme.toLowerCase() === 'mongodb+srv';
  const hosts = hostList.split(',').map((host) => hostOf(host, srv));
  if (srv && hosts.length > 1)
    throw refuse('a mongodb+srv URL names one host', 'the others stand in the DNS');
  const database = path === '' ? null : decode(path, 'database');
  if (database !== null) checkDatabase(database);
  const options = parseOptions(query);
  checkTogether(options, { srv, user, hosts });
  // The drivers' rule: whoever is named in a URL with a database is a user of that database.
  if (user !== null && !options.has('authSource')) {
    const external = /^(PLAIN|MONGODB-X509)$/.test(options.get('authMechanism') ?? '');
    options.set('authSource', external ? '$external' : (database ?? 'admin'));
  }
  return { srv, user, hosts, database, options: ordered(options) };
}

/** The normal form of a URL. @throws BackupctlError usage */
export function checkUrl(url: string): string {
  return formatMongoUrl(parseMongoUrl(url));
}

/** Files that a session by this URL opens. @throws BackupctlError usage */
export function filesIn(url: string): string[] {
  const { options } = parseMongoUrl(url);
  return files.flatMap((name) => options.get(name) ?? []);
}

export function formatMongoUrl({ srv, user, hosts, database, options }: MongoUrl): string {
  const where = hosts.map((host) => (host.startsWith('/') ? encodeURIComponent(host) : host)).join(',');
  const query = [...options]
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%2F', '/')}`)
    .join('&');
  const who = user === null ? '' : `${encodeURIComponent(user)}@`;
  const what = database === null ? '' : encodeURIComponent(database);
  return `mongodb${srv ? '+srv' : ''}://${who}${where}/${what}${query === '' ? '' : `?${query}`}`;
}

/** For messages: `db1:27017,db2:27017`. */
export function placeOf({ hosts }: MongoUrl): string {
  return hosts.join(',');
}

/**
 * Whether only the one server that is named is meant, whatever set it may belong to: its members may be known to one
 * another by names that mean nothing here.
 */
export function isDirect({ srv, hosts, options }: MongoUrl): boolean {
  const said = options.get('directConnection');
  if (said !== undefined) return said === 'true';
  return !srv && hosts.length === 1 && !options.has('replicaSet');
}

/** MongoDB manual, "Naming Restrictions", of systems other than Windows. @throws BackupctlError usage */
export function checkDatabase(name: string): void {
  if (name === '') throw refuse('the name of the database is empty');
  if (/[/\\. "$\0]/.test(name)) {
    throw refuse('the name of the database holds one of / \\ . " $ or a space, which MongoDB refuses');
  }
  if (Buffer.byteLength(name) > 63) throw refuse('the name of the database is longer than 63 bytes');
}

function hostOf(text: string, srv: boolean): string {
  if (/^%2f/i.test(text)) {
    const path = decode(text, 'host');
    if (srv || !path.endsWith('.sock')) {
      throw refuse('the path of a Unix socket in the URL does not end in .sock');
    }
    if (path !== path.toLowerCase()) {
      throw refuse(
        'the path of the Unix socket holds capital letters',
        "MongoDB's programs read them as small ones, and find no socket there: mongod --unixSocketPrefix puts it elsewhere",
      );
    }
    return path;
  }
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]\s%]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw refuse('a host in the URL cannot be read', `write ${example}`);
  const [, name = '', port] = match;
  if (srv) {
    if (port !== undefined) throw refuse('a mongodb+srv URL has no port', 'it stands in the DNS');
    return name.toLowerCase();
  }
  const number = Number(port ?? 27017);
  if (number < 1 || number > 65535) throw refuse('a port in the URL is not a number from 1 to 65535');
  return `${name.toLowerCase()}:${number}`;
}

function parseOptions(query: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const given = decode(equals === -1 ? pair : pair.slice(0, equals), 'query');
    if (/password|^pwd$|^pass$|authMechanismProperties/i.test(given)) throw passwordInUrl();
    if (/^appName$/i.test(given)) {
      throw refuse(
        'appName in the URL is not possible',
        'sessions are named backupctl/EXECUTION, so that they can be found: leave it out',
      );
    }
    const wanted = given.toLowerCase() === 'ssl' ? 'tls' : given.toLowerCase();
    const name = Object.keys(known).find((each) => each.toLowerCase() === wanted);
    const option = name === undefined ? undefined : known[name];
    if (name === undefined || option === undefined) {
      const named = /^[A-Za-z_]{1,40}$/.test(given) ? ` "${given}"` : '';
      throw refuse(
        `the URL has an option${named} that is not known`,
        `known: ${Object.keys(known).join(', ')}`,
      );
    }
    if (options.has(name)) throw refuse(`${name} stands in the URL twice`);
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1), name);
    if (!option.values.test(value)) throw refuse(`${name} in the URL is not ${option.words}`);
    options.set(name, value);
  }
  return options;
}

function checkTogether(
  options: ReadonlyMap<string, string>,
  { srv, user, hosts }: Pick<MongoUrl, 'srv' | 'user' | 'hosts'>,
): void {
  const tls = options.get('tls') ?? (srv ? 'true' : 'false');
  for (const name of ['tlsCAFile', 'tlsCertificateKeyFile', 'tlsInsecure']) {
    if (tls !== 'true' && options.has(name))
      throw refuse(`${name} in the URL means nothing without tls=true`);
  }
  if (options.get('tlsInsecure') === 'true' && options.has('tlsCAFile')) {
    throw refuse('tlsInsecure and tlsCAFile are both in the URL', 'the one says not to look at the other');
  }
  if (options.get('directConnection') === 'true' && (srv || hosts.length > 1)) {
    throw refuse('directConnection=true goes with one host only');
  }
  const mechanism = options.get('authMechanism');
  if (mechanism === 'MONGODB-X509' && !options.has('tlsCertificateKeyFile')) {
    throw refuse('authMechanism=MONGODB-X509 needs tlsCertificateKeyFile');
  }
  if (user === null && mechanism !== undefined && mechanism !== 'MONGODB-X509') {
    throw refuse('authMechanism is in the URL, and no user', `write ${example}`);
  }
  if (user === null && mechanism === undefined && options.has('authSource')) {
    throw refuse('authSource is in the URL, and no user', `write ${example}`);
  }
}

function ordered(options: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    Object.keys(known).flatMap((name): [string, string][] => {
      const value = options.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
