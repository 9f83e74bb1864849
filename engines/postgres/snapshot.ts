import type pg from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Target } from '../engine.ts';
import { applicationName, connect, end, withConnection } from './connection.ts';
import { isSessionLost } from './errors.ts';
import { countRows, type Inventory, type InventoryTable } from './inventory.ts';
import { currentLsn } from './server.ts';

export interface SnapshotOptions {
  database: string;
  executionId: string;
  signal: AbortSignal;
  lockWaitSeconds: number;
  /** Called once when the server or the network ends the session that holds the snapshot. */
  onLost: (error: BackupctlError) => void;
}

/** How many tables are counted by one statement: more would hold a cancel up. */
const batch = 50;

/**
 * The session that holds an exported snapshot open. pg_dump and our own queries look at the database through it. It
 * dies with the session, so losing that fails the dump.
 */
export class Snapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string;
  /** By the server's clock. */
  readonly takenAt: Date;
  readonly lsn: string | null;
  /** Bytes of the database. */
  readonly size: number;
  readonly client: pg.Client;
  readonly #target: Target;
  readonly #options: SnapshotOptions;
  readonly #pid: number;
  #state: 'open' | 'lost' | 'closed' = 'open';

  private constructor(
    client: pg.Client,
    target: Target,
    options: SnapshotOptions,
    row: { id: string; taken_at: Date; lsn: string | null; pid: number; size: number },
  ) {
    this.client = client;
    this.#target = target;
    this.#options = options;
    this.id = row.id;
    this.takenAt = row.taken_at;
    this.lsn = row.lsn;
    this.size = row.size;
    this.#pid = row.pid;
  }

  static async open(target: Target, options: SnapshotOptions): Promise<Snapshot> {
    let snapshot: Snapshot | undefined;
    const client = await connect(target, {
      ...options,
      onLost: (error) => snapshot?.lost(error),
    });
    try {
      // Settings that not every version knows; `off` makes the server refuse what row security would hide.
      await client.query(
        `SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
         WHERE name IN ('transaction_timeout', 'idle_session_timeout', 'max_parallel_workers_per_gather')`,
      );
      // Even the size of a table waits for its lock.
      await client.query(
        `SET row_security = off; SET lock_timeout = ${Math.round(options.lockWaitSeconds * 1000)}`,
      );
      await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      const { rows } = await client.query<{
        id: string;
        taken_at: Date;
        lsn: string;
        pid: number;
        size: number;
      }>(
        `SELECT pg_catalog.pg_export_snapshot() AS id, pg_catalog.transaction_timestamp() AS taken_at,
                ${currentLsn} AS lsn, pg_catalog.pg_backend_pid() AS pid,
                pg_catalog.pg_database_size(pg_catalog.current_database())::float8 AS size`,
      );
      const row = rows[0];
      if (row === undefined) throw new Error('SELECT returned nothing');
      snapshot = new Snapshot(client, target, options, row);
      return snapshot;
    } catch (error) {
      await end(client);
      throw error;
    }
  }

  /** @throws BackupctlError unavailable when the session is gone */
  async assertOpen(): Promise<void> {
    if (this.#state === 'open') {
      await this.client.query('SELECT').catch((error: Error) => this.lost(error));
    }
    if (this.#state !== 'open') throw lostError();
  }

  /**
   * Counts the rows of tables of at most `upToBytes` in the snapshot and sets `rows` and `exact`. A table that is
   * locked, or was truncated, rewritten or dropped since the snapshot, keeps its estimate: TRUNCATE knows no snapshot.
   * @returns how many tables within the limit could not be counted
   */
  async count(
    inventory: Inventory,
    taken: (table: InventoryTable) => boolean,
    upToBytes: number,
  ): Promise<number> {
    const tables = inventory.tables.filter(
      (table) => table.kind === 'table' && table.bytes <= upToBytes && taken(table),
    );
    let uncounted = 0;
    await this.client.query("SET LOCAL lock_timeout = '1s'");
    for (let start = 0; start < tables.length; start += batch) {
      const some = tables.slice(start, start + batch);
      if (await this.#tryCount(some)) continue;
      for (const table of some) if (!(await this.#tryCount([table]))) uncounted += 1;
    }
    return uncounted;
  }

  /** Ends the session, on the server too while it is still counting. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = 'closed';
    if (state === 'open' && !this.#options.signal.aborted) {
      await this.client.query('ROLLBACK').catch(() => {});
      await end(this.client);
      return;
    }
    void end(this.client); // waits for an answer that may not come
    await withConnection(
      this.#target,
      {
        database: this.#options.database,
        executionId: this.#options.executionId,
        signal: AbortSignal.timeout(10_000),
      },
      // The process id alone may be another session's by now.
      (client) =>
        client.query(
          'SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = $1 AND application_name = $2',
          [this.#pid, applicationName(this.#options.executionId)],
        ),
    ).catch(() => {}); // cleanUp and the janitor end what is left
  }

  lost(cause: Error): void {
    if (this.#state !== 'open') return;
    this.#state = 'lost';
    this.#options.onLost(lostError(cause));
  }

  async #tryCount(tables: InventoryTable[]): Promise<boolean> {
    await this.client.query('SAVEPOINT counting');
    try {
      const counts = await countRows(this.client, tables);
      const rewritten = await this.#rewritten(tables);
      for (const [n, table] of tables.entries()) {
        if (rewritten.has(`${table.schema}\0${table.name}`)) continue;
        table.rows = counts[n] ?? null;
        table.exact = table.rows !== null;
      }
      await this.client.query('RELEASE SAVEPOINT counting');
      return tables.every((table) => table.exact);
    } catch (error) {
      // 55P03 lock_not_available; 53200 no room for locks; 42P01, 3F000: dropped; XX000: an error of the cache, dropped just then.
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (isSessionLost(error)) {
        this.lost(error as Error);
        throw lostError(error as Error);
      }
      if (!['55P03', '53200', '42P01', '3F000', 'XX000', '42501'].includes(code)) throw error;
      await this.client.query('ROLLBACK TO SAVEPOINT counting; RELEASE SAVEPOINT counting');
      return false;
    }
  }

  /**
   * Tables whose storage is not that of the snapshot: pg_class is read through the snapshot, pg_relation_filenode is
   * not. Having counted, we hold a lock until the end that keeps TRUNCATE away, so that pg_dump finds the same rows.
   */
  async #rewritten(tables: readonly InventoryTable[]): Promise<Set<string>> {
    const { rows } = await this.client.query<{ schema: string; name: string }>(
      `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN unnest($1::text[], $2::text[]) AS w(schema, name) ON w.schema = n.nspname AND w.name = c.relname
       WHERE c.relfilenode <> 0 AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid)`,
      [tables.map((table) => table.schema), tables.map((table) => table.name)],
    );
    return new Set(rows.map((row) => `${row.schema}\0${row.name}`));
  }
}

function lostError(cause?: Error): BackupctlError {
  return new BackupctlError(
    'unavailable',
    'the session that held the snapshot was ended on the server or lost',
    {
      cause,
      hint: 'look into the log of the server; the next attempt takes a new snapshot',
    },
  );
}
