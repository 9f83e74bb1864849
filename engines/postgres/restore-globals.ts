import type pg from 'pg';
import { messageOf } from '../../errors/backupctl-error.ts';
import type { RestoreSource, RunContext, Target } from '../engine.ts';
import { startOf } from '../process/child.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { beside } from './restore-server.ts';

/** More than any server's roles take; what is larger is none of pg_dumpall's globals. */
const mostBytes = 64 * 1024 * 1024;

/** One statement of `pg_dumpall --globals-only`, and whom it is about. */
export interface GlobalStatement {
  text: string;
  kind:
    | 'create-role'
    | 'alter-role'
    | 'role-setting'
    | 'role-comment'
    | 'membership'
    | 'tablespace'
    | 'other';
  /** The role (of a membership the member), or the tablespace. */
  subject: string | null;
  /** Of a membership: the role that is granted. */
  granted: string | null;
}

export interface GlobalsOutcome {
  created: string[];
  existing: string[];
  /** Tablespaces and others that were not made, a line each. */
  skipped: string[];
}

/** The roles that the globals of a backup would create. */
export async function rolesOfGlobals(
  source: RestoreSource,
  stream: string,
  run: RunContext,
): Promise<Set<string>> {
  const statements = parseGlobals(await readGlobals(source, stream, run));
  return new Set(
    statements.flatMap((s) => (s.kind === 'create-role' && s.subject !== null ? [s.subject] : [])),
  );
}

/**
 * Creates the roles that the server lacks, with their attributes, settings, comments and memberships. What exists stays as
 * it is, also its memberships, unless the other side of one is new.
 */
export async function restoreGlobals(
  target: Target,
  source: RestoreSource,
  stream: string,
  run: RunContext,
): Promise<GlobalsOutcome> {
  const statements = parseGlobals(await readGlobals(source, stream, run));
  return beside(target, run, '', async (client) => applyGlobals(client, statements));
}

async function applyGlobals(
  client: pg.Client,
  statements: readonly GlobalStatement[],
): Promise<GlobalsOutcome> {
  const outcome: GlobalsOutcome = { created: [], existing: [], skipped: [] };
  const known = await client.query<{ name: string }>('SELECT rolname AS name FROM pg_catalog.pg_roles');
  const before = new Set(known.rows.map((row) => row.name));
  const created = new Set<string>();
  // All or none: a role without its password or attributes would exist, and so never be completed.
  await client.query('BEGIN');
  try {
    for (const statement of statements) {
      const { kind, subject, granted, text } = statement;
      if (kind === 'other') continue;
      if (kind === 'tablespace') {
        if (text.startsWith('CREATE'))
          outcome.skipped.push(`tablespace ${subject}: needs a directory; run: ${text}`);
        continue;
      }
      if (subject === null) continue;
      if (kind === 'create-role') {
        if (before.has(subject)) {
          outcome.existing.push(subject);
          continue;
        }
        created.add(subject);
        outcome.created.push(subject);
      } else if (!created.has(subject) && !(granted !== null && created.has(granted))) continue;
      const failure = await tryEach(client, kind === 'membership' ? [text, plainMembership(text)] : [text]);
      if (failure === null) continue;
      if (kind === 'create-role') throw failure;
      // Never the statement itself: it may hold a password.
      outcome.skipped.push(`${kind.replace('-', ' ')} of ${subject}: ${messageOf(failure)}`);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  return outcome;
}

/** Runs the first of several ways that works, within a transaction. @returns the last one's error where none does */
async function tryEach(client: pg.Client, ways: readonly string[]): Promise<unknown> {
  let failure: unknown = null;
  for (const way of ways) {
    await client.query('SAVEPOINT statement');
    try {
      await client.query(way);
      return null;
    } catch (error) {
      failure = error;
      await client.query('ROLLBACK TO SAVEPOINT statement');
    }
  }
  return failure;
}

/** Without what only servers since 16 know (INHERIT, SET), and without a grantor, who may not exist. */
function plainMembership(text: string): string {
  const match = membership.exec(text);
  if (match === null) return text;
  return `GRANT ${match[1]} TO ${match[2]}${/ ADMIN (OPTION|TRUE)/.test(text.slice(match[0].length - 1)) ? ' WITH ADMIN OPTION' : ''}`;
}

async function readGlobals(source: RestoreSource, stream: string, run: RunContext): Promise<string> {
  const bytes = await source.open(stream);
  const pipeline = await Pipeline.start({
    stages: [
      { name: 'zstd', command: await findProgram('zstd'), args: ['-dcq'], stdin: 'feed', stdout: 'stream' },
    ],
    scratch: run.scratch,
    signal: run.signal,
  });
  const read = startOf(pipeline.stream, mostBytes + 1);
  read.catch(() => {}); // what broke it shows in the feed
  await feed(bytes, pipeline, () => {});
  const text = await read;
  if (text.length > mostBytes) {
    throw new RangeError('the globals of the backup are larger than any should be');
  }
  return text.toString('utf8');
}

/**
 * Cuts pg_dumpall's output into statements: at semicolons that stand outside of quotes and comments. Lines of psql
 * (`\restrict`) are dropped.
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let current = '';
  const token =
    /--[^\n]*|\\(?:un)?restrict[^\n]*|\bE'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^-\\'";E]+|[\s\S]/gy;
  for (const [text] of sql.matchAll(token)) {
    if (text.startsWith('--') || /^\\(un)?restrict/.test(text)) continue;
    if (text !== ';') {
      current += text;
      continue;
    }
    if (current.trim() !== '') statements.push(current.trim());
    current = '';
  }
  if (current.trim() !== '') statements.push(current.trim());
  return statements;
}

const identifier = String.raw`("(?:[^"]|"")*"|[\w$\u0080-\uffff]+)`;
const patterns: readonly [GlobalStatement['kind'], RegExp][] = [
  ['create-role', new RegExp(`^CREATE ROLE ${identifier}$`, 'u')],
  ['role-setting', new RegExp(`^ALTER ROLE ${identifier} (?:SET|RESET) `, 'u')],
  ['alter-role', new RegExp(`^ALTER ROLE ${identifier} `, 'u')],
  ['role-comment', new RegExp(`^COMMENT ON ROLE ${identifier} `, 'u')],
  [
    'tablespace',
    new RegExp(`^(?:CREATE|ALTER|COMMENT ON|GRANT [^;]* ON|REVOKE [^;]* ON) TABLESPACE ${identifier}`, 'u'),
  ],
];
const membership = new RegExp(`^GRANT ${identifier} TO ${identifier}(?: |$)`, 'u');

export function parseGlobals(sql: string): GlobalStatement[] {
  return splitStatements(sql).map((text): GlobalStatement => {
    for (const [kind, pattern] of patterns) {
      const match = pattern.exec(text);
      if (match !== null) return { text, kind, subject: unquote(match[1]), granted: null };
    }
    const grant = membership.exec(text);
    if (grant !== null) {
      return { text, kind: 'membership', subject: unquote(grant[2]), granted: unquote(grant[1]) };
    }
    return { text, kind: 'other', subject: null, granted: null };
  });
}

function unquote(name: string | undefined): string {
  if (name === undefined) return '';
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
