import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { DumpRequest, RunContext, Target } from '../engine.ts';
import { connect, mark, type Session } from './connection.ts';

interface Waiter {
  id: number;
  who: string;
  /** Seconds of the statement. */
  seconds: number;
  /** The first words of its statement; the rest may hold secrets. */
  command: string;
  info: string;
}

const repeat = 60_000;

/**
 * Looks at the sessions of the server: whether the dump waits for a lock, longer than it may, and whether others wait for
 * what the dump reads just now. The server tells who waits, not for whom; so a waiter counts as ours when its statement
 * names the table that the dump is at. With `yieldToDdlSeconds` the dump is ended for one that has waited longer.
 */
export class LockWatch {
  readonly #target: Target;
  readonly #database: string;
  readonly #request: DumpRequest;
  readonly #run: RunContext;
  readonly #giveUp: (reason: BackupctlError) => void;
  readonly #saidAt = new Map<string, number>();
  #session: Session | null = null;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(
    target: Target,
    database: string,
    request: DumpRequest,
    run: RunContext,
    giveUp: (reason: BackupctlError) => void,
  ) {
    this.#target = target;
    this.#database = database;
    this.#request = request;
    this.#run = run;
    this.#giveUp = giveUp;
  }

  /** @param since sessions of ours with a higher number may be the dump's */
  start(since: number): void {
    const limits = [60, this.#request.lockWaitSeconds / 3, (this.#request.yieldToDdlSeconds ?? 180) / 3];
    const interval = Math.max(0.5, Math.min(...limits)) * 1000;
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look(since));
    }, interval);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#looking;
    await this.#session?.end();
  }

  async #look(since: number): Promise<void> {
    if (this.#timer === undefined) return;
    try {
      this.#session ??= await connect(this.#target, {
        executionId: this.#run.executionId,
        signal: this.#run.signal,
        onLost: () => {
          this.#session = null;
        },
      });
      const rows = await this.#session.query<Record<string, string | number | null>>(
        `SELECT ID AS id, CONCAT(USER, ' from ', HOST) AS who, TIME AS seconds, STATE AS state, INFO AS info, DB AS db,
                USER = SUBSTRING_INDEX(USER(), '@', 1) AS mine
         FROM information_schema.PROCESSLIST WHERE INFO IS NOT NULL AND ID <> CONNECTION_ID()`,
      );
      const info = (row: Record<string, string | number | null>) => String(row.info ?? '');
      const isDump = (row: Record<string, string | number | null>) =>
        info(row).includes(mark(this.#run.executionId)) ||
        (Number(row.mine) === 1 &&
          Number(row.id) > since &&
          row.db === this.#database &&
          /^(show |SELECT \/\*!40001|LOCK TABLES|SET STATEMENT)/i.test(info(row)));
      const waits = (row: Record<string, string | number | null>) =>
        /^Waiting for (table|schema|global|backup)/i.test(String(row.state ?? ''));
      const reading = rows
        .filter((row) => isDump(row) && !waits(row))
        .map((row) => /\bFROM `((?:[^`]|``)*)`/i.exec(info(row))?.[1]);
      for (const row of rows) {
        if (!waits(row)) continue;
        const waiter: Waiter = {
          id: Number(row.id),
          who: String(row.who),
          seconds: Number(row.seconds),
          command: /^\s*([A-Za-z]+(?:\s+[A-Za-z]+)?)/.exec(info(row))?.[1] ?? '',
          info: info(row),
        };
        if (isDump(row)) this.#oursWaits(waiter);
        else if (reading.some((table) => table !== undefined && waiter.info.includes(table)))
          this.#theyWait(waiter);
      }
    } catch (error) {
      if (this.#run.signal.aborted || this.#timer === undefined) return;
      // Not being able to look is no reason to end a good dump.
      this.#run.log.warn(`cannot look for sessions that wait: ${messageOf(error)}`);
    }
  }

  #oursWaits({ id, seconds }: Waiter): void {
    const words = `the dump of ${this.#database} has waited ${seconds} s for a lock on a table`;
    this.#say(`ours ${id}`, words);
    if (seconds <= this.#request.lockWaitSeconds) return;
    this.#giveUp(
      new BackupctlError('failed', words, {
        hint: 'another session holds it, see SHOW FULL PROCESSLIST; it is tried again',
        retryable: true,
      }),
    );
  }

  #theyWait({ id, who, seconds, command }: Waiter): void {
    const words = `session ${id} of ${who}, ${command.toUpperCase()}, has waited ${seconds} s for a table that the dump of ${this.#database} reads`;
    this.#say(`theirs ${id}`, words);
    const limit = this.#request.yieldToDdlSeconds;
    if (limit === null || seconds <= limit) return;
    this.#giveUp(
      new BackupctlError('failed', `the dump of ${this.#database} made way: ${words}`, {
        hint: 'it is tried again; --yield-to-ddl says how long others wait',
        retryable: true,
      }),
    );
  }

  #say(key: string, words: string): void {
    const now = performance.now();
    if (now - (this.#saidAt.get(key) ?? Number.NEGATIVE_INFINITY) < repeat) return;
    this.#saidAt.set(key, now);
    this.#run.log.warn(words);
  }
}
