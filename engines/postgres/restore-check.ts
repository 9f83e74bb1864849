import type pg from 'pg';
import type { RunContext, Target } from '../engine.ts';
import { connect, end } from './connection.ts';
import {
  countObjects,
  countRows,
  type Inventory,
  type InventorySequence,
  type InventoryTable,
  readInventory,
} from './inventory.ts';
import { quoteQualified } from './quote.ts';
import type { IncludedPart } from './restore-fill.ts';

export interface CheckOutcome {
  /** What is not as the index says, a line each; empty: all is there. */
  differences: string[];
  /** In words: what was compared. */
  compared: string;
}

/** How much of the index a restored database has to show. */
export interface CheckScope {
  part: IncludedPart | null;
  /** The backup took a part of the database: objects cannot be counted against the whole. */
  partial: boolean;
  schemaOnly: boolean;
  /** The owner of privileges was left out: default privileges and user mappings may be fewer. */
  noPrivileges: boolean;
}

/** Compares a restored database with the index of its backup: objects by kind, rows, values of sequences. */
export async function checkDatabase(
  target: Target,
  name: string,
  expected: Inventory,
  scope: CheckScope,
  run: RunContext,
): Promise<CheckOutcome> {
  const client = await connect(target, { database: name, executionId: run.executionId, signal: run.signal });
  try {
    const differences: string[] = [];
    const takes = takenBy(scope.part);
    const whole = scope.part === null && !scope.partial;
    if (whole) differences.push(...(await compareObjects(client, expected, scope.noPrivileges)));
    const actual = await readInventory(client, { countUpToBytes: -1 });
    const tables = expected.tables.filter((table) => takes(table.schema, table.name));
    const there = new Map(actual.tables.map((table) => [keyOf(table), table]));
    for (const table of tables) {
      if (!there.has(keyOf(table))) differences.push(`table ${table.schema}.${table.name} is missing`);
    }
    if (whole) differences.push(...missingExtensions(expected, actual));
    const exact = scope.schemaOnly ? [] : tables.filter((table) => table.exact && there.has(keyOf(table)));
    differences.push(...(await compareRows(client, exact)));
    const sequences = scope.part === null && !scope.schemaOnly ? expected.sequences : [];
    differences.push(...compareSequences(sequences, actual.sequences));
    return {
      differences,
      compared: `${tables.length} tables, rows of ${exact.length}, ${sequences.length} sequences${whole ? ', all objects by kind' : ''}`,
    };
  } finally {
    await end(client);
  }
}

const keyOf = (thing: { schema: string; name: string }) => quoteQualified(thing.schema, thing.name);

function takenBy(part: IncludedPart | null): (schema: string, name: string) => boolean {
  if (part === null) return () => true;
  return (schema, name) =>
    part.schemas.includes(schema) && (part.tables.length === 0 || part.tables.includes(name));
}

async function compareObjects(
  client: pg.Client,
  expected: Inventory,
  noPrivileges: boolean,
): Promise<string[]> {
  const actual = await countObjects(client);
  return Object.entries(expected.objects).flatMap(([kind, number]) => {
    const now = actual[kind];
    if (now === undefined || now === number) return [];
    if (noPrivileges && kind === 'default privileges') return [];
    return [`${number} of kind ${kind} were dumped, ${now} came back`];
  });
}

function missingExtensions(expected: Inventory, actual: Inventory): string[] {
  const names = new Set(actual.extensions.map((extension) => extension.name));
  return expected.extensions
    .filter((extension) => !names.has(extension.name))
    .map((extension) => `extension ${extension.name} is missing`);
}

async function compareRows(client: pg.Client, tables: readonly InventoryTable[]): Promise<string[]> {
  // Row security is for those who use the database: a superuser counts all, and an owner must not be fooled.
  await client.query('SET row_security = off');
  const counts = await countRows(client, tables);
  return tables.flatMap((table, n) =>
    counts[n] === table.rows
      ? []
      : [`table ${table.schema}.${table.name} had ${table.rows} rows, and has ${counts[n]}`],
  );
}

/**
 * A sequence knows no snapshot: its value was read before the dump began, and may have moved on when pg_dump came to it.
 * So a restored one stands at the index's value or after it, in its direction.
 */
export function compareSequences(
  expected: readonly InventorySequence[],
  actual: readonly InventorySequence[],
): string[] {
  const there = new Map(actual.map((sequence) => [keyOf(sequence), sequence]));
  return expected.flatMap((before) => {
    const now = there.get(keyOf(before));
    if (now === undefined) return [`sequence ${before.schema}.${before.name} is missing`];
    if (before.cycle || before.last_value === '') return [];
    const [a, b] = [BigInt(before.last_value), BigInt(now.last_value)];
    const back = BigInt(before.increment) > 0n ? b < a : b > a;
    const unused = a === b && before.is_called && !now.is_called;
    return back || unused
      ? [`sequence ${before.schema}.${before.name} stood at ${a}, and stands at ${b}`]
      : [];
  });
}

/**
 * Collects the planner's statistics, with two sessions side by side, largest tables first. (A restored database has none,
 * and plans badly until autovacuum comes.)
 */
export async function analyzeDatabase(target: Target, name: string, run: RunContext): Promise<void> {
  const session = () => connect(target, { database: name, executionId: run.executionId, signal: run.signal });
  const clients = [await session()];
  try {
    const first = clients[0];
    if (first === undefined) return;
    // ANALYZE of a partitioned table takes its partitions along.
    const { rows } = await first.query<{ schema: string; name: string; bytes: number }>(
      `SELECT n.nspname AS schema, c.relname AS name, pg_catalog.pg_table_size(c.oid)::float8 AS bytes
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
         AND (c.relkind <> 'm' OR c.relispopulated)
         AND (n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
       ORDER BY bytes DESC`,
    );
    // A second session costs a few milliseconds: as much as a few small tables.
    if (rows.length > 8 || (rows[1]?.bytes ?? 0) > 16 * 2 ** 20) clients.push(await session());
    await Promise.all(
      clients.map(async (client) => {
        for (let table = rows.shift(); table !== undefined; table = rows.shift()) {
          await client.query(`ANALYZE ${quoteQualified(table.schema, table.name)}`);
        }
      }),
    );
  } finally {
    await Promise.all(clients.map(end));
  }
}
