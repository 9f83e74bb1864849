import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import type { IndexedDatabase } from './backup-index.ts';
import { connect, reasonOf, type Session } from './connection.ts';
import {
  DumpText,
  dumpArguments,
  startDump,
  type Taking,
  takesHistory,
  writesRowsInLines,
} from './dump-stages.ts';
import { queryError, toolError } from './errors.ts';
import { type Inventory, type InventorySequence, type InventoryTable, readInventory } from './inventory.ts';
import { LockWatch } from './lock-watch.ts';
import { readObjects, type StoredObject } from './objects.ts';
import { formatObjects, formatSequences } from './objects-text.ts';
import { withToolAccess } from './options-file.ts';
import type { Taken } from './pattern.ts';
import { quoteQualified } from './quote.ts';
import { findDatabase, keptTable, markTable, type ServerFacts } from './server.ts';
import { databaseStream, objectsStream } from './stream-name.ts';
import { writeText } from './text-stream.ts';
import type { MysqlTools } from './tools.ts';
import { parseMysqlUrl } from './url.ts';

export interface DatabaseDump {
  target: Target;
  database: string;
  server: ServerFacts;
  request: DumpRequest;
  taken: Taken;
  tools: MysqlTools;
  /** Whether the log's position can be asked for. */
  position: boolean;
  sink: DumpSink;
  run: RunContext;
}

export interface DumpedDatabase {
  indexed: IndexedDatabase;
  objects: ObjectRecord[];
  warnings: string[];
  /** Tables whose rows are of no one instant. */
  nonTransactional: string[];
}

/** Dumps one database: tables and rows by the server's own program, the rest as we read it, see {@link StoredObject}. */
export async function dumpDatabase(options: DatabaseDump): Promise<DumpedDatabase> {
  const { target, database, run, request } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, stop.signal]);
  const within: RunContext = { ...run, signal };
  const watch = new LockWatch(target, database, request, within, (reason) => stop.abort(reason));
  let session: Session | undefined;
  try {
    session = await connect(target, {
      executionId: run.executionId,
      signal,
      onLost: (error) => stop.abort(queryError(error, `database ${database}`)),
    });
    return await withLooks(options, session, within, watch);
  } catch (error) {
    const first = run.signal.aborted
      ? reasonOf(run.signal)
      : stop.signal.aborted
        ? stop.signal.reason
        : error;
    stop.abort(first);
    throw queryError(toolError(first, `database ${database}`), `database ${database}`);
  } finally {
    await watch.stop();
    await session?.end();
  }
}

async function withLooks(
  options: DatabaseDump,
  session: Session,
  run: RunContext,
  watch: LockWatch,
): Promise<DumpedDatabase> {
  const { target, database, server, request, taken, tools, sink } = options;
  const { collation, size } = await findDatabase(session, database);
  const all = await readInventory(session, database, server);
  const taking = takingOf(request);
  const read = async () =>
    taking === 'rows' ? { objects: [], hidden: [], broken: [] } : readObjects(session, database, server);
  const found = await read();
  const warnings: string[] = [];
  let objects = found.objects.filter((object) => takesObject(object, database, taken));
  for (const line of found.hidden)
    warnings.push(`${line} of ${database} is not in this backup: the user may not see its text`);
  for (const name of found.broken) {
    if (objects.some((object) => object.kind === 'view' && object.name === name))
      warnings.push(
        `view ${database}.${name} does not work at the source: what it uses is gone, or its definer may not read it`,
      );
  }
  const tables = all.tables.filter(({ name }) => taken.table(database, name));
  const withRows = taking !== 'definitions';
  const nonTransactional = !withRows
    ? []
    : tables.filter((table) => !table.transactional && table.kind === 'table').map(({ name }) => name);
  const locked = parseMysqlUrl(target.url).nonTransactional === 'lock';
  if (nonTransactional.length > 0) {
    if (locked) await lock(session, database, nonTransactional, request.lockWaitSeconds);
    else
      warnings.push(
        `${nonTransactional.length} tables of ${database} know no transactions, so that their rows may be of different moments: ${shorten(nonTransactional)} (non-transactional=lock in the URL locks them)`,
      );
  }
  if (withRows && !takesHistory(server, tools) && tables.some(({ versioned }) => versioned))
    warnings.push(
      `the history of system-versioned tables of ${database} is not in this backup: it takes MariaDB 10.11 and its programs`,
    );
  const left = all.tables.filter(({ name, kind }) => kind === 'view' || !taken.table(database, name));
  const snapshotAt = new Date().toISOString();
  const text = new DumpText({
    counts: withRows && writesRowsInLines(tools),
    rowsAlone: taking === 'rows',
  });
  watch.start(session.id);
  const records = await stream(options, [...left.map(({ name }) => name), markTable, keptTable], text, run);
  if (nonTransactional.length > 0 && locked) await session.query('UNLOCK TABLES');
  const after = await readInventory(session, database, server);
  const gone = goneFrom(tables, after, text, taking);
  if (gone.size > 0) {
    // Views of what is gone work no more, and triggers went with it.
    const again = await read();
    objects = again.objects.filter(
      (object) => takesObject(object, database, taken) && !gone.has(object.table ?? ''),
    );
  }
  // Values of sequences are those behind the dump: at least as high as what rows have of them.
  const more = taking === 'rows' ? formatSequences(sequencesOf(after, tables)) : formatObjects(objects);
  records.push(...(await writeText(objectsStream(database), more, sink, run)));
  const there = tables.filter(({ name }) => !gone.has(name));
  const inventory = counted({ ...all, tables: there }, after, objects, text, taking);
  for (const name of gone)
    warnings.push(
      `table ${database}.${name} was dropped or renamed before it was dumped, and is not in this backup`,
    );
  return {
    indexed: {
      name: database,
      stream: databaseStream(database),
      objects_stream: objectsStream(database),
      size,
      snapshot_at: snapshotAt,
      position: text.position,
      collation,
      inventory,
    },
    objects: records,
    warnings,
    nonTransactional,
  };
}

/** Views by their names, triggers with their tables; routines and events belong to the whole. */
function takesObject(object: StoredObject, database: string, taken: Taken): boolean {
  if (object.kind === 'view') return taken.table(database, object.name);
  if (object.table !== null) return taken.table(database, object.table);
  return taken.whole(database);
}

function takingOf({ selection }: DumpRequest): Taking {
  return selection.schema_only === true ? 'definitions' : selection.data_only === true ? 'rows' : 'all';
}

function sequencesOf({ sequences }: Inventory, taken: readonly InventoryTable[]): InventorySequence[] {
  const names = new Set(taken.map(({ name }) => name));
  return sequences.filter(({ name }) => names.has(name));
}

/** Tables and sequences that were there before, and are not in the dump: what is there afterwards, and what came, tell. */
function goneFrom(
  before: readonly InventoryTable[],
  after: Inventory,
  text: DumpText,
  taking: Taking,
): Set<string> {
  const left = new Set(after.tables.map(({ name }) => name));
  // What has no rows of its own, such as MERGE, is in no line where there are rows alone.
  if (taking === 'rows') {
    const lost = before.filter(
      ({ name, kind }) => kind !== 'view' && !text.tables.has(name) && !left.has(name),
    );
    return new Set(lost.map(({ name }) => name));
  }
  const came = ({ name, kind }: InventoryTable) =>
    // The program breaks a name with a line break up: it is seen in no line.
    kind === 'table' && text.counts && !name.includes('\n') ? text.tables.has(name) : left.has(name);
  return new Set(before.filter((table) => table.kind !== 'view' && !came(table)).map(({ name }) => name));
}

/** The inventory as the dump has it: rows that were counted there, tables that came into being, objects that were taken. */
function counted(
  inventory: Inventory,
  after: Inventory,
  objects: readonly StoredObject[],
  text: DumpText,
  taking: Taking,
): Inventory {
  const known = new Set(inventory.tables.map(({ name }) => name));
  const late = after.tables.filter(({ name }) => text.tables.has(name) && !known.has(name));
  const tables = [...inventory.tables, ...late].flatMap((table) => {
    if (table.kind === 'view')
      return objects.some(({ kind, name }) => kind === 'view' && name === table.name) ? [table] : [];
    if (table.kind === 'sequence') return [table];
    if (taking === 'definitions') return [{ ...table, rows: null, exact: false }];
    if (!text.counts) return [table];
    // Of what only stands for other tables, the program takes no rows.
    const rows = text.rows.get(table.name) ?? null;
    return [{ ...table, rows, exact: rows !== null }];
  });
  if (taking === 'rows') {
    const sequences = sequencesOf(after, tables);
    return { ...inventory, tables, sequences, objects: { table: tables.length - sequences.length } };
  }
  const number = (kind: StoredObject['kind']) => objects.filter((object) => object.kind === kind).length;
  // What was changed while the dump ran may be in it or not: such numbers say nothing, and would condemn a good dump.
  const steady = Object.entries(inventory.objects).filter(
    ([kind, n]) => kind !== 'table' && after.objects[kind] === n,
  );
  return {
    ...inventory,
    tables,
    sequences: inventory.sequences.filter(({ name }) => tables.some((table) => table.name === name)),
    objects: {
      ...Object.fromEntries(steady),
      ...(late.length > 0 || after.objects.table !== inventory.objects.table
        ? {}
        : { table: tables.filter(({ kind }) => kind === 'table').length }),
      view: number('view'),
      trigger: number('trigger'),
      event: number('event'),
      procedure: number('procedure'),
      function: number('function'),
      ...('package' in inventory.objects ? { package: number('package') + number('package body') } : {}),
    },
  };
}

async function lock(session: Session, database: string, tables: string[], seconds: number): Promise<void> {
  await session.query(`SET SESSION lock_wait_timeout = ${Math.max(1, Math.round(seconds))}`);
  await session.query(
    `LOCK TABLES ${tables.map((name) => `${quoteQualified(database, name)} READ`).join(', ')}`,
  );
}

async function stream(
  { target, database, server, request, tools, position, sink }: DatabaseDump,
  ignored: readonly string[],
  text: DumpText,
  run: RunContext,
): Promise<ObjectRecord[]> {
  const tool = {
    flavour: tools.flavour,
    group: 'mysqldump',
    options: ignored.map((name) => ['ignore-table', `${database}.${name}`] as const),
  };
  return withToolAccess(target, run, tool, async (access) => {
    const args = dumpArguments({
      server,
      tools,
      database,
      executionId: run.executionId,
      taking: takingOf(request),
      position,
    });
    const pipeline = await startDump({ tools, access, args, text, scratch: run.scratch, signal: run.signal });
    const { stream } = pipeline;
    if (stream === null) throw new Error('the last stage streams');
    const finished = pipeline.finished.then(() => {
      if (text.whole) return;
      throw new BackupctlError(
        'failed',
        `${tools.dumpName} ended without its trailer: the dump of ${database} is cut`,
      );
    });
    finished.catch((error) => run.log.warn(`the dump of ${database} did not end well: ${messageOf(error)}`));
    try {
      return await sink.write(databaseStream(database), {
        stream,
        finished,
        brought: () => pipeline.streamed,
        frames: 'zstd',
        disposable: true,
      });
    } finally {
      stream.destroy();
      await pipeline.terminate(); // all have ended, but where the upload failed
    }
  });
}

export function shorten(names: readonly string[]): string {
  return names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
}
