import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, RestoreSource, RunContext, Target } from '../engine.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline, type Stage } from '../process/pipeline.ts';
import { kill, withSession } from './connection.ts';
import { withToolAccess } from './options-file.ts';
import { parsePattern } from './pattern.ts';
import { quoteIdentifier, quoteQualified } from './quote.ts';
import type { BackupDatabase } from './restore-backup.ts';
import { neededPacket } from './restore-lacks.ts';
import { readMark } from './restore-marks.ts';
import { type DetailedPlan, maySet } from './restore-plan.ts';
import { watchFilling } from './restore-watch.ts';
import { markTable } from './server.ts';

/** Names of the tables and views that a restore takes. @throws BackupctlError not-found where a pattern matches nothing */
export function resolveInclude(patterns: readonly string[], database: BackupDatabase): Set<string> | null {
  if (patterns.length === 0) return null;
  const { inventory, name } = database;
  if (inventory === null) {
    throw new BackupctlError('unsupported', `the backup's index says nothing of what is in ${name}`);
  }
  const taken = new Set<string>();
  for (const text of patterns) {
    const pattern = parsePattern(text, 'table');
    const found = inventory.tables.filter(
      (table) =>
        (pattern.database === null || pattern.database.test(name)) &&
        pattern.table?.test(table.name) === true,
    );
    if (found.length === 0)
      throw new BackupctlError('not-found', `--include ${text} matches nothing in ${name}`);
    for (const table of found) taken.add(table.name);
  }
  // A default that takes from a sequence needs it.
  if (inventory.sequence_defaults > 0)
    for (const { name: sequence } of inventory.sequences) taken.add(sequence);
  return taken;
}

/**
 * Fills the (new, empty but for its mark) database of that name: `zstd -d | … | mariadb`, wired by the kernel. Resolves when
 * the whole stream was read, its hashes matched, and every program exited 0.
 * @param onBytes is called with the number of compressed bytes that went in
 */
export async function fillDatabase(
  target: Target,
  name: string,
  planned: { database: BackupDatabase; part: Set<string> | null },
  { plan, request, source }: { plan: DetailedPlan; request: RestoreRequest; source: RestoreSource },
  run: RunContext,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { tools } = plan;
  const tool = {
    flavour: tools.flavour,
    group: 'mysql',
    options: [
      // A failed statement is not repeated in the output: it holds rows.
      ['loose-print-query-on-error', '0'] as const,
      // Nothing in a backup may read files of the worker into the database.
      ['local-infile', '0'] as const,
    ],
  };
  const lead = join(run.scratch, `lead-${randomUUID()}.sql`);
  await writeFile(lead, leadOf(name, plan, request), { mode: 0o600, flag: 'wx' });
  try {
    await withToolAccess(target, run, tool, async (access) => {
      const watch = watchFilling(target, name, run);
      let pipeline: Pipeline | undefined;
      const lower = await raisePacket(target, planned.database, plan, run);
      try {
        pipeline = await Pipeline.start({
          stages: (await stagesOf(name, lead, planned, plan, access.argument)).map((stage) => ({
            ...stage,
            secrets: access.secrets,
            env: { ...access.env, ...stage.env },
          })),
          scratch: run.scratch,
          signal: watch.signal,
        });
        if (lower !== null) void whenBegun(target, name, run, watch.signal).then(lower);
        await feed(await source.open(planned.database.stream), pipeline, (bytes) => {
          watch.moved();
          onBytes(bytes);
        });
      } catch (error) {
        await pipeline?.terminate();
        await endFilling(target, name, run);
        throw error;
      } finally {
        await lower?.();
        await watch.stop();
      }
    });
  } finally {
    await rm(lead, { force: true });
  }
}

/** What the session says before the dump: the log, patience, and its number, by which it can be ended after a crash. */
function leadOf(name: string, { server }: DetailedPlan, request: RestoreRequest): string {
  const mark = quoteQualified(name, markTable);
  return [
    ...(request.noBinlog === true && server.binlog ? ['SET SESSION sql_log_bin = 0;'] : []),
    'SET SESSION wait_timeout = 604800, net_read_timeout = 3600;',
    ...(server.flavour === 'mariadb' ? ['SET SESSION innodb_strict_mode = OFF;'] : []),
    `REPLACE INTO ${mark} VALUES ('session', CONNECTION_ID());`,
    '',
  ].join('\n');
}

async function stagesOf(
  name: string,
  lead: string,
  { database, part }: { database: BackupDatabase; part: Set<string> | null },
  { tools }: DetailedPlan,
  access: string,
): Promise<Stage[]> {
  const filters: Omit<Stage, 'stdin' | 'stdout'>[] = [
    {
      // The sandbox line is taken away for clients that would stop at it; those that know it are told by an option.
      name: 'sh',
      command: '/bin/sh',
      args: [
        '-c',
        `cat "$1" || exit; IFS= read -r first; case "$first" in *'999999\\- enable the sandbox mode'*) ;; *) printf '%s\\n' "$first" ;; esac; exec cat`,
        'sh',
        lead,
      ],
    },
  ];
  if ((database.inventory?.sequence_defaults ?? 0) > 0) {
    // Lines of CREATE TABLE are indented, and lines of rows never are.
    const own = (text: string) => `nextval(${quoteIdentifier(text)}.`;
    filters.push({
      name: 'sed',
      command: await findProgram('sed'),
      args: ['-e', `/^  /s/${forSed(own(database.name))}/${forSedText(own(name))}/g`],
      env: { LC_ALL: 'C' },
    });
  }
  if (part !== null) {
    filters.push({
      name: 'awk',
      command: await findProgram('awk'),
      args: [takePart],
      env: { LC_ALL: 'C', BACKUPCTL_TABLES: [...part].map((each) => each.replaceAll('`', '``')).join('\n') },
    });
  }
  const zstd: Stage = {
    name: 'zstd',
    command: await findProgram('zstd'),
    args: ['-dcq'],
    stdin: 'feed',
    stdout: { pipe: 'sql0' },
  };
  return [
    zstd,
    ...filters.map(
      (filter, n): Stage => ({ ...filter, stdin: { pipe: `sql${n}` }, stdout: { pipe: `sql${n + 1}` } }),
    ),
    {
      name: tools.clientName,
      command: tools.client,
      args: [
        access,
        '--binary-mode',
        '--batch',
        '--default-character-set=utf8mb4',
        '--max-allowed-packet=1G',
        ...(tools.sandbox ? ['--sandbox'] : []),
        `--database=${name}`,
      ],
      stdin: { pipe: `sql${filters.length}` },
    },
  ];
}

/** Of a dump, the beginning, the end, and the tables that were named. */
const takePart = `BEGIN { n = split(ENVIRON["BACKUPCTL_TABLES"], names, "\\n"); for (i = 1; i <= n; i++) take[names[i]] = 1; on = 1 }
/^-- (Table structure for table|Dumping data for table|Sequence structure for) \`/ { name = $0; sub(/^[^\`]*\`/, "", name); sub(/\`$/, "", name); on = (name in take) }
/^\\/\\*!40103 SET TIME_ZONE=@OLD_TIME_ZONE \\*\\/;$/ { on = 1 }
on { print }`;

const forSed = (text: string) => text.replace(/[\\/.*[\]^$&]/g, '\\$&');
const forSedText = (text: string) => text.replace(/[\\/&]/g, '\\$&');

/**
 * Raises the server's max_allowed_packet where rows may need it and the user may, since a session takes it when it begins.
 * @returns puts it back (idempotent), null where nothing was raised
 */
async function raisePacket(
  target: Target,
  { inventory }: BackupDatabase,
  { server, contents, grants }: DetailedPlan,
  run: RunContext,
): Promise<(() => Promise<void>) | null> {
  const needed = neededPacket(contents);
  const long = inventory?.tables.some((table) => table.long) === true;
  if (!long || server.maxAllowedPacket >= needed || !maySet(grants)) return null;
  const set = (bytes: number, signal: AbortSignal) =>
    withSession(target, { executionId: run.executionId, signal }, (session) =>
      session.query(`SET GLOBAL max_allowed_packet = ${Math.floor(bytes / 1024) * 1024}`),
    );
  await set(needed, run.signal);
  run.log.info(
    `max_allowed_packet is ${needed} while the session that fills begins; it was ${server.maxAllowedPacket}`,
  );
  let putBack: Promise<void> | undefined;
  return () => {
    putBack ??= set(server.maxAllowedPacket, AbortSignal.timeout(30_000)).then(
      () => {},
      (error: unknown) =>
        run.log.warn(`max_allowed_packet could not be put back to ${server.maxAllowedPacket}`, {
          cause: String(error),
        }),
    );
    return putBack;
  };
}

/** Resolves when the session that fills has begun: it keeps what it began with. */
async function whenBegun(target: Target, name: string, run: RunContext, signal: AbortSignal): Promise<void> {
  try {
    await withSession(target, { executionId: run.executionId, signal }, async (session) => {
      while (((await readMark(session, name))?.session ?? '') === '' && !signal.aborted) await sleep(100);
    });
  } catch {
    // Then it is put back right now: whatever ends this ends the filling, too.
  }
}

/** Ends the session that filled a database, should the server still be at its last statement. */
export async function endFilling(target: Target, name: string, run: RunContext): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  try {
    const id = await withSession(target, { executionId: run.executionId, signal }, async (session) => {
      const number = Number((await readMark(session, name))?.session ?? 0);
      const there = await session.value<number>(
        'SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ? AND DB = ?',
        [number, name],
      );
      return Number(there) > 0 ? number : null;
    });
    if (id !== null) await kill(target, id, run.executionId);
  } catch {
    // It ends by itself once it finds that nobody listens.
  }
}
