import type pg from 'pg';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { DumpRequest, RunContext, Target } from '../engine.ts';
import { applicationName, connect, end } from './connection.ts';

interface Waiter {
  /** `ours`: we wait for it. `theirs`: it waits for us. */
  side: 'ours' | 'theirs';
  pid: number;
  who: string;
  /** The first words of its statement; the rest may hold secrets. */
  command: string;
  relation: string | null;
  /** Seconds of the wait. */
  seconds: number;
}

const query = `
WITH mine AS (SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name = $1),
wait AS (
  SELECT l.pid, min(l.relation::regclass::text) AS relation,
         max(extract(epoch FROM clock_timestamp() - coalesce((to_jsonb(l) ->> 'waitstart')::timestamptz, a.query_start)))::float8 AS seconds
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  WHERE NOT l.granted GROUP BY l.pid)
SELECT CASE WHEN m.pid IS NULL THEN 'theirs' ELSE 'ours' END AS side, s.pid,
       format('%s (%s, %s)', s.usename, nullif(s.application_name, ''), coalesce(host(s.client_addr), 'local')) AS who,
       coalesce(substring(s.query FROM '^\\s*([A-Za-z]+(\\s+[A-Za-z]+)?)'), '') AS command, w.relation, w.seconds
FROM wait w LEFT JOIN mine m ON m.pid = w.pid,
     LATERAL unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b(pid),
     LATERAL (SELECT * FROM pg_catalog.pg_stat_activity a
              WHERE a.pid = CASE WHEN m.pid IS NULL THEN w.pid ELSE b.pid END) s
WHERE (m.pid IS NULL) = (b.pid IN (SELECT pid FROM mine))`;

/** A line for the same session is written once in so many milliseconds. */
const repeat = 60_000;

/**
 * Looks each minute (more often where a limit is shorter) which sessions wait for the dump, and which ones it waits for,
 * and names them in the log. With `yieldToDdlSeconds` it ends the dump for one that has waited longer.
 */
export class LockWatch {
  readonly #target: Target;
  readonly #database: string;
  readonly #request: DumpRequest;
  readonly #run: RunContext;
  readonly #yieldFor: (reason: BackupctlError) => void;
  readonly #saidAt = new Map<string, number>();
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  /** @param yieldFor told why, when the dump has to make way */
  constructor(
    target: Target,
    database: string,
    request: DumpRequest,
    run: RunContext,
    yieldFor: (reason: BackupctlError) => void,
  ) {
    this.#target = target;
    this.#database = database;
    this.#request = request;
    this.#run = run;
    this.#yieldFor = yieldFor;
  }

  start(): void {
    const limits = [60, this.#request.lockWaitSeconds / 3, (this.#request.yieldToDdlSeconds ?? 180) / 3];
    const interval = Math.max(0.5, Math.min(...limits)) * 1000;
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, interval);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const client = this.#client;
    this.#client = null;
    if (client !== null) await end(client);
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      this.#client ??= await connect(this.#target, {
        database: this.#database,
        executionId: this.#run.executionId,
        signal: this.#run.signal,
        onLost: () => {
          this.#client = null;
        },
      });
      const { rows } = await this.#client.query<Waiter>(query, [applicationName(this.#run.executionId)]);
      for (const waiter of rows) this.#tell(waiter);
    } catch (error) {
      if (this.#run.signal.aborted || this.#timer === undefined) return;
      // Not being able to look is no reason to end a good dump.
      this.#run.log.warn(`cannot look for sessions that wait: ${messageOf(error)}`);
    }
  }

  #tell(waiter: Waiter): void {
    const seconds = Math.round(waiter.seconds);
    const on = waiter.relation === null ? '' : ` on ${waiter.relation}`;
    const session = `session ${waiter.pid} of ${waiter.who}${waiter.command === '' ? '' : `, ${waiter.command.toUpperCase()}`}`;
    const text =
      waiter.side === 'ours'
        ? `the dump of ${this.#database} has waited ${seconds} s for a lock${on} that is held by ${session}`
        : `${session}, has waited ${seconds} s for a lock${on} that the dump of ${this.#database} holds`;
    const key = `${waiter.side} ${waiter.pid}`;
    const now = performance.now();
    if (now - (this.#saidAt.get(key) ?? Number.NEGATIVE_INFINITY) >= repeat) {
      this.#saidAt.set(key, now);
      this.#run.log.warn(text, { pid: waiter.pid, relation: waiter.relation, seconds });
    }
    const limit = this.#request.yieldToDdlSeconds;
    if (limit !== null && waiter.side === 'theirs' && waiter.seconds > limit) {
      this.#yieldFor(
        new BackupctlError('failed', `the dump of ${this.#database} made way: ${text}`, {
          hint: 'it is tried again; --yield-to-ddl says how long others wait',
          retryable: true,
        }),
      );
    }
  }
}
