import type { Session } from './connection.ts';
import { isDenied, numberOf } from './errors.ts';
import { quoteAccount } from './objects.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import type { ServerFacts } from './server.ts';

/** A user or role of a server, with what makes it again. */
export interface Account {
  /** Quoted, as statements name it: `` `shop`@`%` ``, or `` `reader` `` for a role. */
  account: string;
  role: boolean;
  create: string;
  grants: string[];
}

/** Accounts that a server makes for itself. */
const own = new Set([
  'mariadb.sys',
  'mysql.sys',
  'mysql.session',
  'mysql.infoschema',
  'root',
  'rdsadmin',
  'PUBLIC',
]);

/**
 * Users and roles with their grants, roles first; null where the user may not read them. The server's own and `root` are
 * left out: they belong to a server, not to what it holds.
 */
export async function readAccounts(session: Session, server: ServerFacts): Promise<Account[] | null> {
  try {
    return server.flavour === 'mariadb' ? await readMariadb(session) : await readMysql(session);
  } catch (error) {
    if (isDenied(error)) return null;
    throw error;
  }
}

async function readMariadb(session: Session): Promise<Account[]> {
  const rows = await session.query<{ user: string; host: string; role: string }>(
    'SELECT User AS user, Host AS host, is_role AS role FROM mysql.user ORDER BY is_role DESC, User, Host',
  );
  const accounts: Account[] = [];
  for (const { user, host, role } of rows) {
    if (own.has(user) || user === '') continue;
    const isRole = role === 'Y';
    const account = isRole ? quoteIdentifier(user) : quoteAccount(`${user}@${host}`);
    const create = isRole
      ? `CREATE ROLE ${account}`
      : await session.value<string>(`SHOW CREATE USER ${account}`);
    if (create === null) continue;
    const grants = await column(session, `SHOW GRANTS FOR ${account}`);
    accounts.push({ account, role: isRole, create, grants });
  }
  return accounts;
}

async function readMysql(session: Session): Promise<Account[]> {
  const rows = await session.query<{ user: string; host: string; locked: string }>(
    `SELECT User AS user, Host AS host,
            IF(account_locked = 'Y' AND password_expired = 'Y' AND authentication_string = '', 'Y', 'N') AS locked
     FROM mysql.user ORDER BY 3 DESC, User, Host`,
  );
  // Hashes of caching_sha2_password hold bytes that no text can: as hexadecimal, they can be written.
  await session.query('SET SESSION print_identified_with_as_hex = ON').catch((error: unknown) => {
    if (numberOf(error) === 0) throw error;
  });
  const accounts: Account[] = [];
  for (const { user, host, locked } of rows) {
    if (own.has(user) || user === '') continue;
    const account = quoteAccount(`${user}@${host}`);
    const create = await session.value<string>(`SHOW CREATE USER ${account}`);
    if (create === null) continue;
    const grants = await column(session, `SHOW GRANTS FOR ${account}`);
    accounts.push({ account, role: locked === 'Y', create, grants });
  }
  return accounts;
}

async function column(session: Session, sql: string): Promise<string[]> {
  const rows = await session.query<Record<string, string>>(sql);
  return rows.map((row) => Object.values(row)[0] ?? '').filter((line) => line !== '');
}

const header = '-- backupctl: ';
const trailer = '-- backupctl: whole';

/**
 * The text of the stream of globals: for the stock client (which has to be told to go on over accounts that exist), and
 * for us. What stands on several lines is no statement of an account here.
 */
export function formatAccounts(accounts: readonly Account[]): string {
  const lines = [
    '-- Users, roles and grants; those that exist are to be left: mariadb --force --comments',
    'SET NAMES utf8mb4;',
    "SET SESSION sql_mode = '';",
  ];
  for (const { account, role, create, grants } of accounts) {
    const statements = [create, ...grants];
    lines.push(`${header}${JSON.stringify({ account, role, lines: statements.length })}`);
    // A statement with line breaks (a comment of a user may hold one) stands in one line all the same.
    for (const statement of statements) lines.push(`${oneLine(statement)};`);
  }
  lines.push(trailer, '');
  return lines.join('\n');
}

/** @throws Error where the text was cut */
export function parseAccounts(text: string): Account[] {
  const lines = text.split('\n');
  if (lines.at(-2) !== trailer) throw new Error('the stream of globals has no end');
  const accounts: Account[] = [];
  for (const [n, line] of lines.entries()) {
    if (!line.startsWith(`${header}{`)) continue;
    const {
      account,
      role,
      lines: count,
    } = JSON.parse(line.slice(header.length)) as {
      account: string;
      role: boolean;
      lines: number;
    };
    const [create = '', ...grants] = lines
      .slice(n + 1, n + 1 + count)
      .map((statement) => statement.replace(/;$/, ''));
    accounts.push({ account, role, create, grants });
  }
  return accounts;
}

/** Line breaks can only stand within quotes there. */
function oneLine(statement: string): string {
  return statement.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}

export interface RestoredAccounts {
  created: string[];
  existing: string[];
  /** What could not be made, a line each, without the statement: it may hold a password's hash. */
  skipped: string[];
  /** Rights on tables and routines that are not there yet: for {@link grantLater}, once they are. */
  later: PendingGrant[];
}

export interface PendingGrant {
  account: string;
  grant: string;
}

/** What a server says of a table and of a routine that are not there. */
const notThere: ReadonlySet<number> = new Set([1146, 1305, 1049]);

/** Makes the accounts that are not there, with their grants; those that exist are left as they are. */
export async function restoreAccounts(
  session: Session,
  accounts: readonly Account[],
): Promise<RestoredAccounts> {
  const outcome: RestoredAccounts = { created: [], existing: [], skipped: [], later: [] };
  const created: Account[] = [];
  for (const account of accounts) {
    try {
      if (await exists(session, account)) {
        outcome.existing.push(account.account);
        continue;
      }
      await session.run(account.create);
      outcome.created.push(account.account);
      created.push(account);
    } catch (error) {
      outcome.skipped.push(`${account.account} (error ${numberOf(error)})`);
    }
  }
  // Grants after all accounts: one may be a member of another.
  for (const { account, grants } of created) {
    for (const grant of grants) {
      try {
        await session.run(grant);
      } catch (error) {
        if (notThere.has(numberOf(error))) outcome.later.push({ account, grant });
        else outcome.skipped.push(skippedGrant(account, grant, error));
      }
    }
  }
  return outcome;
}

/** Grants that waited for tables and routines. @returns what could not be done still, a line each */
export async function grantLater(session: Session, pending: readonly PendingGrant[]): Promise<string[]> {
  const skipped: string[] = [];
  for (const { account, grant } of pending) {
    try {
      await session.run(grant);
    } catch (error) {
      skipped.push(skippedGrant(account, grant, error));
    }
  }
  return skipped;
}

/** Without the statement: it may hold a password's hash. */
function skippedGrant(account: string, grant: string, error: unknown): string {
  const words = /^(GRANT|SET DEFAULT ROLE)\b.*? (ON|TO|FOR) /s.exec(grant)?.[0] ?? grant.slice(0, 10);
  return `${words.slice(0, 100)}… for ${account} (error ${numberOf(error)})`;
}

async function exists(session: Session, { account, role }: Account): Promise<boolean> {
  const [, user = '', host = ''] = /^`((?:[^`]|``)*)`(?:@`((?:[^`]|``)*)`)?$/.exec(account) ?? [];
  const name = quoteLiteral(user.replaceAll('``', '`'));
  const from = role && !account.includes('@') ? "''" : quoteLiteral(host.replaceAll('``', '`'));
  const count = await session.value<number>(
    `SELECT COUNT(*) FROM mysql.user WHERE User = ${name} AND Host = ${from}`,
  );
  return Number(count ?? 0) > 0;
}
