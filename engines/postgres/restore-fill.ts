import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, RestoreSource, RunContext, Target } from '../engine.ts';
import { feed } from '../process/feed.ts';
import { findProgram, isExecutable } from '../process/find.ts';
import { Pipeline, type Stage } from '../process/pipeline.ts';
import { connect, end } from './connection.ts';
import { conninfo, withToolAccess } from './passfile.ts';
import { parsePattern } from './pattern.ts';
import { quoteIdentifier } from './quote.ts';
import type { BackupDatabase } from './restore-backup.ts';
import type { DetailedPlan } from './restore-plan.ts';
import { watchFilling } from './restore-watch.ts';

/**
 * Settings of the sessions that fill a database which nobody uses yet: commits need not wait for the disk (the renaming
 * does, and with it all before it), and indexes are built in more memory. A role's own settings are kept out.
 */
const sessionSettings: Readonly<Record<string, string>> = {
  synchronous_commit: 'off',
  maintenance_work_mem: '256MB',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read\\ committed',
  session_replication_role: 'origin',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
};

/** Which relations of a database a restore takes, resolved to names as `pg_restore` wants them. */
export interface IncludedPart {
  schemas: string[];
  /** Empty: the schemas as a whole. */
  tables: string[];
}

/** @throws BackupctlError usage where a pattern matches nothing, or tables that pg_restore cannot tell apart */
export function resolveInclude(patterns: readonly string[], database: BackupDatabase): IncludedPart | null {
  if (patterns.length === 0) return null;
  const { inventory, name } = database;
  if (inventory === null) {
    throw new BackupctlError('unsupported', `the backup's index says nothing of what is in ${name}`);
  }
  const parsed = patterns.map(parsePattern);
  const whole = parsed.every((pattern) => pattern.table === null);
  if (!whole && parsed.some((pattern) => pattern.table === null)) {
    throw new BackupctlError('usage', '--include names whole schemas beside single tables', {
      hint: 'name the tables as SCHEMA.*',
    });
  }
  for (const { text, schema, table } of parsed) {
    const found =
      table === null
        ? inventory.schemas.some((candidate) => schema.test(candidate))
        : inventory.tables.some((candidate) => schema.test(candidate.schema) && table.test(candidate.name));
    if (!found) throw new BackupctlError('not-found', `--include ${text} matches nothing in ${name}`);
  }
  if (whole) {
    const schemas = inventory.schemas.filter((candidate) =>
      parsed.some(({ schema }) => schema.test(candidate)),
    );
    return { schemas, tables: [] };
  }
  const taken = inventory.tables.filter((candidate) =>
    parsed.some(({ schema, table }) => schema.test(candidate.schema) && table?.test(candidate.name)),
  );
  const schemas = [...new Set(taken.map((table) => table.schema))];
  const tables = [...new Set(taken.map((table) => table.name))];
  // pg_restore knows tables by their bare name, within the schemas that it is given.
  const extra = inventory.tables.find(
    (table) => schemas.includes(table.schema) && tables.includes(table.name) && !taken.includes(table),
  );
  if (extra !== undefined) {
    throw new BackupctlError('usage', `--include would take ${extra.schema}.${extra.name} as well`, {
      hint: 'restore the tables of each schema into a database of their own',
    });
  }
  return { schemas, tables };
}

/**
 * Restores a database's archive into the (new, empty) database of that name: `zstd -d | pg_restore`, wired by the kernel.
 * Resolves when the whole stream was read, its hashes matched, and every program exited 0.
 * @param onBytes is called with the number of compressed bytes that went in
 */
export async function fillDatabase(
  target: Target,
  name: string,
  planned: { database: BackupDatabase; part: IncludedPart | null },
  { plan, request, source }: { plan: DetailedPlan; request: RestoreRequest; source: RestoreSource },
  run: RunContext,
  onBytes: (bytes: number) => void,
): Promise<void> {
  if (planned.part !== null) await prepareForPart(target, name, planned.part, planned.database, run);
  await withToolAccess(target, run, name, async ({ env, secrets }) => {
    const options = Object.entries({ ...sessionSettings, ...(plan.server.superuser ? {} : withoutSuperuser) })
      .filter(([, value]) => value !== '')
      .map(([setting, value]) => `-c ${setting}=${value}`)
      .join(' ');
    const stages = await restoreStages(name, planned.part, plan, request);
    const watch = watchFilling(target, name, run);
    let pipeline: Pipeline | undefined;
    try {
      pipeline = await Pipeline.start({
        stages: stages.map((stage) => ({
          ...stage,
          secrets,
          env: { ...env, PGOPTIONS: options, ...stage.env },
        })),
        scratch: run.scratch,
        signal: watch.signal,
      });
      await feed(await source.open(planned.database.stream), pipeline, (bytes) => {
        watch.moved();
        onBytes(bytes);
      });
    } catch (error) {
      await pipeline?.terminate();
      throw error;
    } finally {
      await watch.stop();
    }
  });
}

/** What only a superuser may set; without it the role's own setting stands. */
const withoutSuperuser: Readonly<Record<string, string>> = { session_replication_role: '' };

async function restoreStages(
  name: string,
  part: IncludedPart | null,
  { tools, server }: DetailedPlan,
  request: RestoreRequest,
): Promise<Stage[]> {
  const selection = [
    ...(request.noOwner ? ['--no-owner'] : []),
    ...(request.noPrivileges ? ['--no-privileges'] : []),
    ...(request.noTablespaces ? ['--no-tablespaces'] : []),
    ...(part?.schemas ?? []).map((schema) => `--schema=${schema}`),
    ...(part?.tables ?? []).map((table) => `--table=${table}`),
  ];
  const zstd: Stage = {
    name: 'zstd',
    command: await findProgram('zstd'),
    args: ['-dcq'],
    stdin: 'feed',
    stdout: { pipe: 'archive' },
  };
  // Since 17 pg_restore begins with SET transaction_timeout, which no older server knows: then its text goes to psql,
  // without that line. The settings precede everything else, so nothing of the data is touched.
  if (tools.major >= 17 && server.major < 17) {
    assertRestricts(tools.version);
    const beside = join(tools.folder, 'psql');
    return [
      zstd,
      restoreStage(tools.pgRestore, ['--file=-', ...selection], part !== null, { pipe: 'script' }),
      {
        name: 'sed',
        command: await findProgram('sed'),
        args: ['-u', '1,/^SET client_encoding/{/^SET transaction_timeout = 0;$/d;}'],
        env: { LC_ALL: 'C' },
        stdin: { pipe: 'script' },
        stdout: { pipe: 'sql' },
      },
      {
        name: 'psql',
        command: (await isExecutable(beside)) ? beside : await findProgram('psql'),
        args: ['-X', '-q', '-w', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', conninfo(name), '-f', '-'],
        env: { PGCLIENTENCODING: 'UTF8' },
        stdin: { pipe: 'sql' },
      },
    ];
  }
  const args = ['--exit-on-error', '--no-password', `--dbname=${conninfo(name)}`, ...selection];
  return [zstd, restoreStage(tools.pgRestore, args, part !== null, undefined)];
}

/**
 * psql runs what stands behind a backslash, and a dump comes from whoever owns the database: pg_restore and psql keep it
 * from that since 17.6 (CVE-2025-8714).
 * @throws BackupctlError missing-tool
 */
export function assertRestricts(version: string): void {
  const minor = Number(/^17\.(\d+)/.exec(version)?.[1] ?? Number.POSITIVE_INFINITY);
  if (minor >= 6) return;
  throw new BackupctlError(
    'missing-tool',
    `psql ${version} would run commands that a dump may hold (CVE-2025-8714), and this restore needs it`,
    { hint: "update PostgreSQL's programs to 17.6 or newer" },
  );
}

/**
 * pg_restore. Of a part it may stop reading before the archive's end, while only a stream that was read to its end is
 * known to be whole: the rest is then read by `cat`.
 */
function restoreStage(
  command: string,
  args: string[],
  drain: boolean,
  stdout: { pipe: string } | undefined,
): Stage {
  const common = {
    name: 'pg_restore',
    stdin: { pipe: 'archive' },
    ...(stdout === undefined ? {} : { stdout }),
  };
  if (!drain) return { ...common, command, args };
  const script = '"$@" || exit; exec cat > /dev/null';
  return { ...common, command: '/bin/sh', args: ['-c', script, 'pg_restore', command, ...args] };
}

/** Of a part, pg_restore makes neither the schemas nor the extensions that its tables need. */
async function prepareForPart(
  target: Target,
  name: string,
  part: IncludedPart,
  { inventory }: BackupDatabase,
  run: RunContext,
): Promise<void> {
  const client = await connect(target, { database: name, executionId: run.executionId, signal: run.signal });
  try {
    const extensionSchemas = (inventory?.extensions ?? []).map((extension) => extension.schema);
    for (const schema of new Set([...part.schemas, ...extensionSchemas])) {
      if (!/^pg_/.test(schema)) await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
    }
    for (const extension of inventory?.extensions ?? []) {
      const schema = /^pg_/.test(extension.schema) ? '' : ` SCHEMA ${quoteIdentifier(extension.schema)}`;
      await client.query(
        `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(extension.name)}${schema} CASCADE`,
      );
    }
  } finally {
    await end(client);
  }
}
