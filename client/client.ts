import { Executions } from './executions.ts';
import { InstanceNames } from './instance-names.ts';
import { Instances } from './instances.ts';
import { Schedules } from './schedules.ts';
import { type BackupClientOptions, Surroundings } from './surroundings.ts';
import type {
  CreatedSchedule,
  Execution,
  ExecutionDetails,
  Instance,
  LogLine,
  LogOptions,
  Page,
  PageOptions,
  Schedule,
  ScheduleChanges,
  ScheduleOptions,
  WaitOptions,
} from './types.ts';

/**
 * Manages schedules, executions, backups, restores and instances of one platform.
 *
 * ```ts
 * await using client = BackupClient.open({ dataDir: '/srv/backupctl' });
 * const schedule = await client.scheduleCreate('orders', '30 2 * * *', 'nightly');
 * for await (const execution of client.executions(schedule.id)) console.log(execution.id, execution.state);
 * ```
 *
 * Nothing is opened before it is needed. Whatever fails for a reason that a user can act on is thrown as a
 * {@link BackupctlError} with `code`, `message`, `hint` and `cause`.
 */
export class BackupClient {
  readonly #surroundings: Surroundings;
  readonly #schedules: Schedules;
  readonly #executions: Executions;
  readonly #instances: Instances;

  /** Names a platform; connects to nothing yet. */
  constructor(options: BackupClientOptions = {}) {
    this.#surroundings = new Surroundings(options);
    const names = new InstanceNames(this.#surroundings);
    this.#schedules = new Schedules(this.#surroundings, names);
    this.#executions = new Executions(this.#surroundings, this.#schedules, names);
    this.#instances = new Instances(this.#surroundings);
  }

  /** The same as `new BackupClient(options)`. */
  static open(options: BackupClientOptions = {}): BackupClient {
    return new BackupClient(options);
  }

  /** Closes what was opened. */
  async close(): Promise<void> {
    await this.#surroundings.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Creates a schedule that backs up an instance.
   *
   * @param instance exact id or exact name of the instance
   * @param pattern cron pattern of five fields
   * @param name name of the backups that it makes
   * @returns the schedule, once `scheduleList` shows it, and notes on days with odd fires
   * @throws BackupctlError usage for a pattern, zone or option that is off; not-found, ambiguous for the instance
   */
  scheduleCreate(
    instance: string,
    pattern: string,
    name: string,
    options: ScheduleOptions = {},
  ): Promise<CreatedSchedule> {
    return this.#schedules.create(instance, pattern, name, options);
  }

  /** Schedules of an instance, or all of them, the soonest next execution first. */
  scheduleList(instance?: string): Promise<Schedule[]> {
    return this.#schedules.list(instance);
  }

  /** @throws BackupctlError not-found */
  scheduleShow(id: string): Promise<Schedule> {
    return this.#schedules.show(id);
  }

  /** Deletes a schedule; its executions and backups stay. @throws BackupctlError not-found */
  scheduleDelete(id: string): Promise<void> {
    return this.#schedules.delete(id);
  }

  /**
   * Changes pattern, name, description, zone or policies of a schedule. Runs that are under way are not affected.
   * @returns the schedule as it is then
   * @throws BackupctlError not-found, usage, conflict
   */
  scheduleUpdate(id: string, changes: ScheduleChanges): Promise<Schedule> {
    return this.#schedules.update(id, changes);
  }

  /** Stops a schedule from firing; runs that are under way go on. @throws BackupctlError not-found */
  schedulePause(id: string, note?: string): Promise<Schedule> {
    return this.#schedules.pause(id, note);
  }

  /** Lets it fire again. What would have fired meanwhile does not count as missed. @throws BackupctlError not-found */
  scheduleUnpause(id: string, note?: string): Promise<Schedule> {
    return this.#schedules.unpause(id, note);
  }

  /** Starts a run of a schedule now, paused or not. @returns the execution, once the lists show it */
  scheduleTrigger(id: string): Promise<Execution> {
    return this.#schedules.trigger(id);
  }

  /**
   * Executions of a schedule. Pages come newest first; the items of a page are oldest first.
   * @throws BackupctlError not-found for the schedule or the marker, usage for a marker of another schedule
   */
  executionList(schedule: string, options: PageOptions = {}): Promise<Page<Execution>> {
    return this.#executions.list(schedule, options);
  }

  /** Executions of an instance, of all its schedules and those started by hand; like {@link executionList}. */
  executionListByInstance(instance: string, options: PageOptions = {}): Promise<Page<Execution>> {
    return this.#executions.listByInstance(instance, options);
  }

  /** All executions of a schedule, newest first; pages are fetched as they are needed. */
  executions(schedule: string): AsyncIterable<Execution> {
    return this.#executions.all(schedule);
  }

  /** An execution and its steps, also while it runs. @throws BackupctlError not-found */
  executionShow(id: string): Promise<ExecutionDetails> {
    return this.#executions.show(id);
  }

  /**
   * Asks an execution to stop; it is CANCELLED once it has cleaned up.
   * @throws BackupctlError not-found; conflict when it is over already
   */
  executionCancel(id: string): Promise<void> {
    return this.#executions.cancel(id);
  }

  /**
   * Waits for the end of an execution, whatever it is, and for the lists to show it.
   * @throws BackupctlError not-found, unavailable; the signal's reason when that ends the wait
   */
  executionWait(id: string, options: WaitOptions = {}): Promise<Execution> {
    return this.#executions.wait(id, options);
  }

  /** Lines of the execution's log, oldest first, from the repository; without `follow`, Temporal is not needed. */
  executionLogs(id: string, options: LogOptions = {}): AsyncIterable<LogLine> {
    return this.#executions.logs(id, options);
  }

  /**
   * Removes an execution that is over from Temporal; the backup that it made stays.
   * @returns once `executionList` leaves it out
   * @throws BackupctlError not-found; refused while it is running
   */
  executionDelete(id: string, options: WaitOptions = {}): Promise<void> {
    return this.#executions.delete(id, options);
  }

  /** Instances, sorted by name. Works without Temporal. */
  instanceList(): Promise<Instance[]> {
    return this.#instances.list();
  }

  /** @throws BackupctlError not-found, ambiguous */
  instanceShow(idOrName: string): Promise<Instance> {
    return this.#instances.show(idOrName);
  }
}
