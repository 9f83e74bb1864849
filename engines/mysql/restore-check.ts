import type { Session } from './connection.ts';
import {
  countObjects,
  countRows,
  type Inventory,
  type InventorySequence,
  readInventory,
} from './inventory.ts';
import type { LeftOut } from './restore-objects.ts';
import type { ServerFacts } from './server.ts';

export interface CheckOutcome {
  /** What is not as the index says, a line each; empty: all is there. */
  differences: string[];
  /** In words: what was compared. */
  compared: string;
}

/** How much of the index a restored database has to show. */
export interface CheckScope {
  part: ReadonlySet<string> | null;
  /** The backup took a part of the database: its indexes and columns cannot be counted against the whole. */
  partial: boolean;
  schemaOnly: boolean;
}

/** Kinds that belong to tables; the others are made after them. */
const ofTables = ['table', 'sequence', 'index', 'foreign key', 'partition', 'check', 'column'];

/** Compares tables, rows and sequences of a filled database with the index of its backup. */
export async function checkTables(
  session: Session,
  database: string,
  expected: Inventory,
  scope: CheckScope,
  server: ServerFacts,
): Promise<CheckOutcome> {
  const differences: string[] = [];
  const whole = scope.part === null && !scope.partial;
  const actual = await readInventory(session, database, server);
  const there = new Set(actual.tables.map(({ name }) => name));
  const tables = expected.tables.filter(
    ({ name, kind }) => kind !== 'view' && (scope.part === null || scope.part.has(name)),
  );
  for (const { name, kind } of tables) if (!there.has(name)) differences.push(`${kind} ${name} is missing`);
  if (whole)
    differences.push(...compareKinds(expected.objects, actual.objects, (kind) => ofTables.includes(kind)));
  const exact = scope.schemaOnly ? [] : tables.filter((table) => table.exact && there.has(table.name));
  const counts = await countRows(session, database, exact);
  for (const [n, table] of exact.entries()) {
    if (counts[n] !== table.rows)
      differences.push(`table ${table.name} had ${table.rows} rows, and has ${counts[n]}`);
  }
  const sequences = expected.sequences.filter(({ name }) => there.has(name));
  differences.push(...compareSequences(sequences, actual.sequences));
  return {
    differences,
    compared: `${tables.length} tables and sequences, rows of ${exact.length}${whole ? ', all objects by kind' : ''}`,
  };
}

/** Compares what is made after the tables. @param left what was not made, and need not be */
export async function checkObjects(
  session: Session,
  database: string,
  expected: Inventory,
  left: readonly LeftOut[],
  server: ServerFacts,
): Promise<string[]> {
  const actual = await countObjects(session, database, server);
  const objects = { ...expected.objects };
  for (const { kind } of left) objects[kind] = (objects[kind] ?? 0) - 1;
  return compareKinds(objects, actual, (kind) => !ofTables.includes(kind));
}

function compareKinds(
  expected: Record<string, number>,
  actual: Record<string, number>,
  asked: (kind: string) => boolean,
): string[] {
  return Object.entries(expected).flatMap(([kind, number]) => {
    const now = actual[kind];
    if (!asked(kind) || now === undefined || now === number) return [];
    return [`${number} of kind ${kind} were dumped, ${now} came back`];
  });
}

/**
 * A sequence knows no snapshot: its value was read before the dump began, and may have moved on when the dump came to it. So
 * a restored one stands at the index's value or after it, in its direction.
 */
export function compareSequences(
  expected: readonly InventorySequence[],
  actual: readonly InventorySequence[],
): string[] {
  const there = new Map(actual.map((sequence) => [sequence.name, sequence]));
  return expected.flatMap((before) => {
    const now = there.get(before.name);
    if (now === undefined) return [`sequence ${before.name} is missing`];
    if (before.cycle) return [];
    const [a, b] = [BigInt(before.next_value), BigInt(now.next_value)];
    const back = BigInt(before.increment) >= 0n ? b < a : b > a;
    return back ? [`sequence ${before.name} stood at ${a}, and stands at ${b}`] : [];
  });
}
