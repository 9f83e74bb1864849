import type { Backup, Execution, Restore } from '../../client/types.ts';
import { messageOf } from '../../errors/backupctl-error.ts';
import { contentOf } from './databases.ts';
import type { History } from './history.ts';
import { pick, type Random } from './kind.ts';
import type { Asked } from './operations.ts';
import type { Arena } from './run.ts';

/** What the verdict on a run is made from. */
export interface Evidence {
  asked: readonly Asked[];
  history: History;
  /** Contents of the source's databases before the run and after it. */
  before: ReadonlyMap<string, string>;
  after: ReadonlyMap<string, string>;
  /** What the faults of the run may have made an execution say. */
  reasons: readonly RegExp[];
}

/** Which database an instance's backups are of. */
const databaseOf: Readonly<Record<string, string>> = { orders: 'shop', billing: 'bills', stock: 'stock' };

/** What operations may meet in each other, without any fault. */
const ordinary = [
  /^start: conflict: .*(janitor|over|ended|running|under way)/i,
  /^start: not-found: there is no (backup|execution)/,
  /^start: refused: .*(restore|needs it|in use|pin)/i,
  /(is being|was|has been) deleted|tombstone|no backup/i,
  /restore .* is (using|reading)|a restore (needs|reads|is)/i,
  /^delete: .* is not deleted: it is in use by restore\//,
];

/** Compares how a run ended with what it says of itself. */
export class Verdict {
  /** What executions said that ended ERROR, or could not be started. */
  readonly said: string[] = [];
  /** A step was tried again. */
  retried = false;
  /** Databases that restores made, or kept. */
  readonly databases = new Set<string>();
  readonly #arena: Arena;
  readonly #evidence: Evidence;
  #completed: Backup[] = [];

  constructor(arena: Arena, evidence: Evidence) {
    this.#arena = arena;
    this.#evidence = evidence;
  }

  async violations(): Promise<string[]> {
    const { asked, history } = this.#evidence;
    const wrong: string[] = [];
    const { items } = await this.#arena.world.client().backupList({ limit: 200 });
    this.#completed = items.filter(({ status }) => status === 'COMPLETED');
    for (const each of asked) wrong.push(...this.#askedWell(each));
    for (const execution of history.executions) wrong.push(...(await this.#endedWell(execution)));
    for (const execution of history.executions) {
      if (execution.workflowId.startsWith('restore/')) wrong.push(...(await this.#restoredWell(execution)));
    }
    if (this.#arena.world.historyLost) wrong.push(...(await this.#forgottenWell()));
    const known = new Set(history.executions.map(({ id }) => id));
    for (const { executionId, operation } of asked) {
      if (
        executionId !== null &&
        operation.do !== 'cancel' &&
        !known.has(executionId) &&
        !this.#arena.world.historyLost
      ) {
        wrong.push(`execution ${executionId} (${operation.do}) was started, and Temporal does not know it`);
      }
    }
    return wrong;
  }

  /** Every new backup by its data, one older one too, and a sample by restoring it. */
  async verifyBackups(random: Random): Promise<string[]> {
    const { world, verified } = this.#arena;
    const client = world.client();
    const wrong: string[] = [];
    const older = this.#completed.filter(({ id }) => verified.has(id));
    const due = this.#completed.filter(({ id }) => !verified.has(id));
    if (older.length > 0) due.push(pick(random, older));
    for (const { id, name } of due) {
      const { findings } = await client.backupVerify(id, { data: true });
      verified.add(id);
      const words = JSON.stringify(findings);
      if (findings.length > 0 && !world.expectedDamage.get(id)?.test(words)) {
        wrong.push(`backup ${id} (${name}) is COMPLETED, and verify finds ${words}`);
      }
    }
    if (world.copy !== null) wrong.push(...(await this.#copiedWell(due)));
    const whole = this.#completed.filter(({ id }) => !world.expectedDamage.has(id));
    if (random() < 0.35 && whole.length > 0) wrong.push(...(await this.#restoreSample(pick(random, whole))));
    return wrong;
  }

  /** Restores that Temporal has forgotten: what is under a final name is whole. */
  async #forgottenWell(): Promise<string[]> {
    const { world } = this.#arena;
    const exists = new Set((await world.postgres.psql('SELECT datname FROM pg_database')).split('\n'));
    const wrong: string[] = [];
    for (const { target, backupId, operation } of this.#evidence.asked) {
      // What an overwriting one has kept stays until a person drops it: who asked for it is forgotten, too.
      if (operation.do === 'restore-over') {
        for (const name of exists) if (name.startsWith('stock_before_')) this.databases.add(name);
      }
      if (operation.do !== 'restore' || target === null || !exists.has(target)) continue;
      this.databases.add(target);
      wrong.push(...(await this.#sameAs(target, backupId ?? '')));
    }
    return wrong;
  }

  /** Each is in the copy as well, whole; one that no run has copied yet is copied now. */
  async #copiedWell(backups: readonly Backup[]): Promise<string[]> {
    const { world, deleted } = this.#arena;
    const client = world.client();
    const wrong: string[] = [];
    for (const { id, name } of backups) {
      if (deleted.has(id)) continue;
      const { executionId } = await client.backupCopy(id, 'second');
      await client.executionWait(executionId);
      const { state, output } = await client.executionShow(executionId);
      if (state !== 'SUCCESS') wrong.push(`the copy of ${id} ended ${state}: ${output?.error}`);
      const { findings, unread } = await client.backupVerify(id, { data: true, copy: 'second' });
      if (findings.length + unread.length > 0) {
        wrong.push(`verify of the copy of ${id} (${name}) finds ${JSON.stringify({ findings, unread })}`);
      }
    }
    return wrong;
  }

  async #restoreSample({ id, instanceName }: Backup): Promise<string[]> {
    const { world } = this.#arena;
    const client = world.client();
    const target = 'sample';
    this.databases.add(target);
    const databases = instanceName === 'cluster' ? ['shop'] : [];
    const restore = await client.restoreCreate(id, 'orders', { createDatabase: target, databases });
    await client.executionWait(restore.executionId);
    const { status, error } = await client.restoreShow(restore.id);
    if (status !== 'COMPLETED') return [`a sample restore of ${id} ended ${status}: ${error}`];
    return this.#sameAs(target, id);
  }

  #askedWell({ operation, refusal, fault, code, executionId }: Asked): string[] {
    if (fault !== null) return [`${operation.do}: ${fault}`];
    if (refusal !== null) {
      this.said.push(`start: ${refusal}`);
      if (refusal.startsWith('lost:') || this.#allowed(`start: ${refusal}`)) return [];
      return [`${operation.do} was refused for another reason than the true one: ${refusal}`];
    }
    if (code === null || executionId === null) return [];
    const state = this.#evidence.history.executions.find(({ id }) => id === executionId)?.state;
    // Temporal was lost after it; what it left is judged by what exists.
    if (state === undefined && this.#arena.world.historyLost) return [];
    const fits = code === 0 ? state === 'SUCCESS' : code === 8 ? state === 'CANCELLED' : state !== 'SUCCESS';
    return fits ? [] : [`a command ended with ${code}, its execution ${state}`];
  }

  async #endedWell(execution: Execution): Promise<string[]> {
    const { asked } = this.#evidence;
    const { id, kind, state, output, backupId, workflowId } = execution;
    const what = `${kind} ${id} (${workflowId})`;
    const completed = kind === 'backup' && this.#completed.some((backup) => backup.id === backupId);
    const { steps } = await this.#arena.world.client().executionShow(id);
    if (steps.some(({ attempts }) => attempts > 1)) this.retried = true;
    switch (state) {
      case 'SUCCESS':
        if (kind === 'backup' && backupId !== null) this.#expectContent(backupId, execution);
        if (kind === 'backup' && !completed && !this.#arena.deleted.has(backupId ?? '')) {
          return [`${what} ended SUCCESS, and its backup ${backupId} is not listed as COMPLETED`];
        }
        return [];
      case 'ERROR': {
        const wrong: string[] = [];
        const said = `${kind}: ${output?.error ?? 'nothing'}`;
        this.said.push(said);
        if (!this.#allowed(said)) {
          wrong.push(`${what} ended ERROR for another reason than the true one: ${said}`);
          wrong.push(...(await this.#story(id)));
        }
        if (completed) wrong.push(`${what} ended ERROR (${said}), and its backup is COMPLETED`);
        return wrong;
      }
      case 'CANCELLED': {
        const wanted = asked.some((each) => each.operation.do === 'cancel' && each.executionId === id);
        const wrong = wanted ? [] : [`${what} ended CANCELLED, and nobody asked for it`];
        if (completed) wrong.push(`${what} ended CANCELLED, and its backup is COMPLETED`);
        return wrong;
      }
      case 'SKIPPED':
        return execution.scheduleId === null ? [`${what} was skipped: ${output?.reason}`] : [];
      case 'MISSED':
        return [];
      default:
        return [`${what} is still ${state}`];
    }
  }

  /** The last lines of an execution's log, and its steps. */
  async #story(id: string): Promise<string[]> {
    const client = this.#arena.world.client();
    const lines: string[] = [];
    for await (const { time, step, attempt, message } of client.executionLogs(id)) {
      lines.push(`${time} ${step} ${attempt}: ${message}`);
    }
    const { steps } = await client.executionShow(id);
    const told = steps.map(
      ({ name, state, attempts, lastFailure }) => `${name} ${state} ${attempts} ${lastFailure}`,
    );
    return [...lines.slice(-30), ...told].map((line) => `  ${line}`);
  }

  /** Where a backup of this run is restored, this is what has to come back. */
  #expectContent(backupId: string, { instanceId }: Execution): void {
    const { contents } = this.#arena;
    const instance = this.#completed.find(({ id }) => id === backupId)?.instanceName ?? instanceId ?? '';
    const database = databaseOf[instance];
    // Of a whole server, or of an instance that a kind made for itself: nobody says what is in it.
    if (database === undefined) return;
    const { before, after } = this.#evidence;
    const alternatives = this.#arena.world.sourceStates.get(database) ?? new Set();
    contents.set(backupId, new Set([before.get(database) ?? '', after.get(database) ?? '', ...alternatives]));
  }

  /** The target of a restore is what the execution says it is. */
  async #restoredWell(execution: Execution): Promise<string[]> {
    const { world } = this.#arena;
    const restoreId = execution.workflowId.slice('restore/'.length);
    let restore: Restore;
    try {
      restore = await world.client().restoreShow(restoreId);
    } catch (error) {
      return [`restore ${restoreId} cannot be shown: ${messageOf(error)}`];
    }
    const asked = this.#evidence.asked.find((each) => each.restoreId === restoreId);
    const target = asked?.target ?? restore.databases[0]?.target ?? null;
    if (target?.startsWith('upgraded_')) return []; // The kind that asked for it has looked, and dropped it.
    if (target === null) return []; // Whatever it left is a database that nobody expects.
    const exists = new Set((await world.postgres.psql('SELECT datname FROM pg_database')).split('\n'));
    const line = restore.databases.find((each) => each.target === target);
    const words = `restore ${restoreId} to ${target} ended ${restore.status} (${line?.note ?? restore.error ?? ''})`;
    if (restore.status === 'COMPLETED' || line?.status === 'restored') {
      this.databases.add(target);
      if (!exists.has(target)) return [`${words}, and there is no such database`];
      const wrong = await this.#sameAs(target, restore.backupId);
      const kept = line?.kept_as ?? null;
      if (kept !== null) wrong.push(...(await this.#keptWell(kept, exists, words)));
      return wrong;
    }
    if (target !== 'stock') {
      if (!exists.has(target)) return [];
      this.databases.add(target);
      // A cancel that came after the rename leaves what is whole.
      if (restore.status === 'CANCELLED') return this.#sameAs(target, restore.backupId);
      return [`${words}, and the database exists`];
    }
    const now = this.#evidence.after.get('stock') ?? '';
    if (now === this.#evidence.before.get('stock')) return [];
    if (restore.status === 'CANCELLED') {
      for (const name of exists) if (name.startsWith('stock_before_')) this.databases.add(name);
      return this.#sameAs('stock', restore.backupId);
    }
    return [`${words}, and the database has changed`];
  }

  async #keptWell(kept: string, exists: ReadonlySet<string>, words: string): Promise<string[]> {
    this.databases.add(kept);
    if (!exists.has(kept)) return [`${words}, kept as ${kept}, and there is no such database`];
    const content = await contentOf(this.#arena.world.postgres, kept);
    return content === this.#evidence.before.get('stock')
      ? []
      : [`${words}: what is kept as ${kept} has changed`];
  }

  async #sameAs(database: string, backupId: string): Promise<string[]> {
    const { world, contents } = this.#arena;
    const wanted = contents.get(backupId);
    if (wanted === undefined) return [];
    const found = await contentOf(world.postgres, database);
    if (wanted.has(found)) return [];
    return [`${database}, restored from ${backupId}, holds ${found}; expected: ${[...wanted].join(' or ')}`];
  }

  #allowed(words: string): boolean {
    return [...ordinary, ...this.#evidence.reasons].some((reason) => reason.test(words));
  }
}
