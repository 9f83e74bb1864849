import type { RestorePlan } from '../engines/engine.ts';
import type { BackupctlError } from '../errors/backupctl-error.ts';
import type { Sample } from '../repository/check.ts';
import type { Dictionary, Value } from '../workbooks/expressions/value.ts';
import { Backups } from './backups.ts';
import { CronTriggers } from './cron-triggers.ts';
import { Executions } from './executions.ts';
import { InstanceNames } from './instance-names.ts';
import { Instances } from './instances.ts';
import { Restores } from './restores.ts';
import { Schedules } from './schedules.ts';
import { type BackupClientOptions, Surroundings } from './surroundings.ts';
import type {
  Backfill,
  Backup,
  BackupContent,
  BackupDetails,
  BackupFilter,
  BackupOptions,
  BackupPage,
  ChannelAnswer,
  ChannelHealth,
  CreatedSchedule,
  CronTrigger,
  CronTriggerOptions,
  Execution,
  ExecutionDetails,
  ExportedFile,
  FreshnessReport,
  Instance,
  InstanceChanges,
  InstanceOptions,
  InstanceStatus,
  LogLine,
  LogOptions,
  Page,
  PageOptions,
  RepositoryCheck,
  RepositoryStatistics,
  Restore,
  RestoreFilter,
  RestoreOptions,
  Schedule,
  ScheduleChanges,
  ScheduleOptions,
  VerifiedBackup,
  WaitOptions,
} from './types.ts';
import type {
  Action,
  ActionUpdateOptions,
  RerunOptions,
  TaskDetails,
  Workbook,
  WorkbookChange,
  WorkbookDetails,
  Workflow,
  WorkflowDetails,
  WorkflowExecution,
  WorkflowRunOptions,
  WorkflowTask,
} from './workbook-types.ts';
import { Workbooks } from './workbooks.ts';
import { WorkflowRuns } from './workflow-runs.ts';

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
  readonly #cronTriggers: CronTriggers;
  readonly #executions: Executions;
  readonly #instances: Instances;
  readonly #backups: Backups;
  readonly #restores: Restores;
  readonly #workbooks: Workbooks;
  readonly #workflowRuns: WorkflowRuns;

  /** Names a platform; connects to nothing yet. */
  constructor(options: BackupClientOptions = {}) {
    this.#surroundings = new Surroundings(options);
    const names = new InstanceNames(this.#surroundings);
    this.#schedules = new Schedules(this.#surroundings, names);
    this.#cronTriggers = new CronTriggers(this.#surroundings);
    this.#executions = new Executions(this.#surroundings, this.#schedules, names);
    this.#instances = new Instances(this.#surroundings, names, this.#schedules);
    this.#backups = new Backups(this.#surroundings, names, this.#executions);
    this.#restores = new Restores(this.#surroundings, {
      names,
      backups: this.#backups,
      executions: this.#executions,
    });
    this.#workbooks = new Workbooks(this.#surroundings);
    this.#workflowRuns = new WorkflowRuns(this.#surroundings, this.#workbooks, this.#executions);
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
   * Creates a schedule that backs up an instance, or runs a workflow (`options.workflow`).
   *
   * @param instance exact id or exact name of the instance; null for a workflow that is of none
   * @param pattern cron pattern of five fields
   * @param name name of the backups that it makes
   * @returns the schedule, once `scheduleList` shows it, and notes on days with odd fires
   * @throws BackupctlError usage for a pattern, zone or option that is off, or an input that the workflow does not take;
   *   not-found, ambiguous for the instance or the workflow
   */
  scheduleCreate(
    instance: string | null,
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

  /**
   * @param id exact id, or exact name where no other schedule has it; so wherever a schedule is named
   * @throws BackupctlError not-found; ambiguous, with the candidates
   */
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
   * Runs the past fires of a schedule of a workflow, `from` and `to` included, one after the other.
   * @throws BackupctlError not-found; refused for a schedule of backups; usage for a span without a fire
   */
  scheduleBackfill(id: string, span: { from: Date; to: Date }): Promise<Backfill> {
    return this.#schedules.backfill(id, span);
  }

  /**
   * Creates a cron trigger, as Mistral has them: its executions do not mind each other, and it goes away with the last one.
   * @param workflow in full: `trove.backup_create`
   * @throws BackupctlError usage for a time, pattern, count or input that is off; not-found for the workflow; conflict
   */
  cronTriggerCreate(name: string, workflow: string, options: CronTriggerOptions): Promise<CronTrigger> {
    return this.#cronTriggers.create(name, workflow, options);
  }

  /** Cron triggers, the oldest first. */
  cronTriggerList(): Promise<CronTrigger[]> {
    return this.#cronTriggers.list();
  }

  /** @param nameOrId exact @throws BackupctlError not-found */
  cronTriggerShow(nameOrId: string): Promise<CronTrigger> {
    return this.#cronTriggers.show(nameOrId);
  }

  /** Deletes it; its executions stay, and those that run go on. @throws BackupctlError not-found */
  cronTriggerDelete(nameOrId: string): Promise<void> {
    return this.#cronTriggers.delete(nameOrId);
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

  /** Executions of workflows of workbooks, sub-workflows too; like {@link executionList}. */
  workflowExecutionList(options: PageOptions = {}): Promise<Page<Execution>> {
    return this.#executions.listWorkflows(options);
  }

  /** All executions of a schedule, newest first; pages are fetched as they are needed. */
  executions(schedule: string): AsyncIterable<Execution> {
    return this.#executions.all(schedule);
  }

  /**
   * An execution and its steps, or of a workflow its tasks, also while it runs.
   * @throws BackupctlError not-found; unavailable where no worker tells of a workflow
   */
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
   * Waits for the end of an execution, whatever it is, and for the lists to show it; of a workflow, also for a pause.
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
   * Removes an execution that is over from Temporal; the backup that it made stays, sub-workflows go with it.
   * @returns once `executionList` leaves it out
   * @throws BackupctlError not-found; refused while it is running
   */
  executionDelete(id: string, options: WaitOptions = {}): Promise<void> {
    return this.#executions.delete(id, options);
  }

  /**
   * Puts a workbook into the registry, or each workflow or action of a file of those that belong to none.
   * @param text YAML, 1 MiB at most
   * @param options.update change what exists, and create what does not; else nothing of the file may exist
   * @returns what became of each
   * @throws BackupctlError usage with the first fault of the text; conflict for a name that is taken
   */
  workbookCreate(text: string, options: { update?: boolean | undefined } = {}): Promise<WorkbookChange[]> {
    return this.#workbooks.create(text, options);
  }

  /** Workbooks, sorted by name. Works without Temporal. */
  workbookList(): Promise<Workbook[]> {
    return this.#workbooks.list();
  }

  /** A workbook and its text. Works without Temporal. @throws BackupctlError not-found */
  workbookShow(name: string): Promise<WorkbookDetails> {
    return this.#workbooks.show(name);
  }

  /** Takes it from the registry; runs of it that have begun go on. @throws BackupctlError not-found */
  workbookDelete(name: string): Promise<void> {
    return this.#workbooks.delete('workbook', name);
  }

  /** Workflows of all workbooks, and those that belong to none, sorted by name. Works without Temporal. */
  workflowList(): Promise<Workflow[]> {
    return this.#workbooks.workflows();
  }

  /** @param name in full: WORKBOOK.WORKFLOW @throws BackupctlError not-found */
  workflowShow(name: string): Promise<WorkflowDetails> {
    return this.#workbooks.workflow(name);
  }

  /** Takes a workflow that belongs to no workbook from the registry. @throws BackupctlError not-found */
  workflowDelete(name: string): Promise<void> {
    return this.#workbooks.delete('workflow', name);
  }

  /** Actions that are built in, and those that are made of others, sorted by name. Works without Temporal. */
  actionList(): Promise<Action[]> {
    return this.#workbooks.actions();
  }

  /**
   * Runs an action outside of any workflow.
   * @returns its result
   * @throws BackupctlError not-found; usage for an input that it does not take; failed with what its error says
   */
  async actionRun(name: string, input: Dictionary = {}): Promise<Value> {
    const { runAction } = await import('./action-run.ts');
    return runAction(this.#surroundings, await this.#workbooks.definitions(), name, input);
  }

  /** Takes an action that belongs to no workbook from the registry. @throws BackupctlError not-found */
  actionDelete(name: string): Promise<void> {
    return this.#workbooks.delete('action', name);
  }

  /**
   * Starts a run of a workflow, at the revisions that workbooks have now.
   * @param name in full: WORKBOOK.WORKFLOW
   * @returns the run, once the lists show it
   * @throws BackupctlError not-found; usage where the run is refused: input that is missing or unknown, no target
   */
  workflowRun(name: string, options: WorkflowRunOptions = {}): Promise<WorkflowExecution> {
    return this.#workflowRuns.start(name, options);
  }

  /**
   * Waits until a run of a workflow is over or paused.
   * @returns the run as it is then
   * @throws BackupctlError not-found, unavailable; the signal's reason when that ends the wait
   */
  workflowExecutionWait(id: string, options: WaitOptions = {}): Promise<WorkflowExecution> {
    return this.#workflowRuns.wait(id, options);
  }

  /** A run of a workflow, with its tasks. @throws BackupctlError not-found; unavailable where no worker tells */
  workflowExecutionShow(id: string): Promise<WorkflowExecution> {
    return this.#workflowRuns.show(id);
  }

  /** Pauses a run of a workflow: what runs goes on, nothing more is started. @throws BackupctlError not-found, conflict */
  executionPause(id: string): Promise<void> {
    return this.#workflowRuns.pause(id);
  }

  /**
   * Lets a paused run of a workflow go on.
   * @param env merged into its environment
   * @throws BackupctlError not-found; conflict where it is not paused
   */
  executionResume(id: string, env: Dictionary = {}): Promise<void> {
    return this.#workflowRuns.resume(id, env);
  }

  /**
   * Runs a failed task of a workflow's run once more, or passes it over, and goes on from there. A run that is over
   * becomes a running one again, with those above it.
   * @throws BackupctlError not-found; refused, usage or conflict where that cannot be
   */
  executionRerun(id: string, options: RerunOptions): Promise<void> {
    return this.#workflowRuns.rerun(id, options);
  }

  /** Tasks of a workflow's run, in the order in which they were made. @throws BackupctlError not-found */
  taskList(execution: string): Promise<WorkflowTask[]> {
    return this.#workflowRuns.tasks(execution);
  }

  /**
   * @param task its id; with an execution also its name: the newest of that name
   * @throws BackupctlError not-found
   */
  taskShow(task: string, execution?: string): Promise<TaskDetails> {
    return this.#workflowRuns.task(task, execution);
  }

  /**
   * Ends an asynchronous action, or pauses it, in the name of whoever does its work.
   * @throws BackupctlError not-found; conflict where it is over, or cannot become so
   */
  actionExecutionUpdate(id: string, options: ActionUpdateOptions): Promise<void> {
    return this.#workflowRuns.updateAction(id, options);
  }

  /**
   * Instances, sorted by name. Works without Temporal.
   * @param onDamaged told, in words, of an entry that cannot be read, which is left out; without it, it is thrown
   * @throws BackupctlError corrupt
   */
  instanceList(onDamaged?: (problem: string) => void): Promise<Instance[]> {
    return this.#instances.list(onDamaged);
  }

  /**
   * @param options.check connect to it, and fill `probe`; that needs Temporal and a worker
   * @param options.coverage say in words what a backup of it will contain, and fill `coverage`
   * @throws BackupctlError not-found, ambiguous; with a check also unavailable, credentials, refused
   */
  instanceShow(
    idOrName: string,
    options: { check?: boolean | undefined; coverage?: boolean | undefined } = {},
  ): Promise<Instance> {
    return this.#instances.show(idOrName, options);
  }

  /**
   * Registers what can be backed up. Unless `check` is false, a worker connects to it first.
   * @throws BackupctlError usage for a URL that is off or holds a password; conflict for a name that is taken; what
   *   the check found: unavailable, credentials, refused
   */
  instanceCreate(name: string, options: InstanceOptions): Promise<Instance> {
    return this.#instances.create(name, options);
  }

  /** Changes name, URL, password reference or task queue. @throws like {@link instanceCreate} */
  instanceUpdate(idOrName: string, changes: InstanceChanges): Promise<Instance> {
    return this.#instances.update(idOrName, changes);
  }

  /** Takes it from the registry; its backups stay. @throws BackupctlError refused while it has schedules */
  instanceDelete(idOrName: string): Promise<void> {
    return this.#instances.delete(idOrName);
  }

  /**
   * Starts a backup by hand; it runs like one of a schedule.
   * @returns the backup, whose `executionId` is to be waited for
   * @throws BackupctlError not-found, ambiguous, refused (increments where there are none); unavailable when no worker
   *   takes the run
   */
  backupCreate(instance: string, name: string, options: BackupOptions = {}): Promise<Backup> {
    return this.#backups.create(instance, name, options);
  }

  /**
   * Backups in the repository, those that are being made, and those that could not be made. Pages come newest first;
   * the items of a page are oldest first. Without Temporal only the repository's are listed, and `warnings` says so.
   */
  backupList(filter: BackupFilter = {}): Promise<BackupPage> {
    return this.#backups.list(filter);
  }

  /** The same for one instance. @throws BackupctlError not-found, ambiguous */
  backupListInstance(instance: string, filter: Omit<BackupFilter, 'instance'> = {}): Promise<BackupPage> {
    return this.#backups.list({ ...filter, instance });
  }

  /**
   * @param reference id, name (the newest that has it) or `INSTANCE@latest`
   * @param options.unambiguous refuse a name that several backups have
   * @throws BackupctlError not-found, ambiguous, corrupt
   */
  backupShow(reference: string, options: { unambiguous?: boolean } = {}): Promise<BackupDetails> {
    return this.#backups.show(reference, options);
  }

  /**
   * Copies a backup to another repository of the configuration now, without waiting for its turn.
   * @param to name of the copy
   * @returns what to wait for; a copy that is under way already is not begun twice
   * @throws BackupctlError not-found (backup or copy), ambiguous, usage
   */
  backupCopy(reference: string, to: string): Promise<{ id: string; executionId: string }> {
    return this.#backups.copy(reference, to);
  }

  /**
   * Begins the deletion of a backup: its run ends once the tombstone stands, the bytes go after the grace period.
   * @returns what to wait for; the run ends badly (refused) where another backup or a restore needs it
   * @throws BackupctlError not-found; ambiguous for a name that several backups have
   */
  backupDelete(reference: string): Promise<{ id: string; executionId: string }> {
    return this.#backups.delete(reference);
  }

  /**
   * Brings a deleted backup back: its run ends once it is in reach again.
   * @param reference id, or a name that one deleted backup alone has
   * @returns what to wait for; the run ends badly (refused) where the removal of its bytes begins first
   * @throws BackupctlError not-found, ambiguous; refused where its bytes are gone, or it is not deleted
   */
  backupUndelete(reference: string): Promise<{ id: string; executionId: string }> {
    return this.#backups.undelete(reference);
  }

  /**
   * Compares a backup with its manifest, with `data` every byte of it. In this process; without Temporal.
   * @param options.copy the name of a copy, or `all`; default: the first repository
   */
  backupVerify(
    reference: string,
    options: WaitOptions & { data?: boolean; copy?: string } = {},
  ): Promise<VerifiedBackup> {
    return this.#backups.verify(reference, options);
  }

  /**
   * Begins to make a backup right in every repository: what is wrong or missing in one comes anew from another.
   * @param options.copy in this one only: `primary`, or the name of a copy
   * @returns what to wait for; its output has `objects`, a line for each that was not right
   * @throws BackupctlError not-found; ambiguous for a name that several backups have
   */
  backupHeal(
    reference: string,
    options: { copy?: string } = {},
  ): Promise<{ id: string; executionId: string }> {
    return this.#backups.heal(reference, options);
  }

  /** What is inside of a backup, from its index. Needs the index key only; without Temporal. */
  backupContents(reference: string): Promise<BackupContent[]> {
    return this.#backups.contents(reference);
  }

  /** The same, one after the other: a tree may have millions of files. @throws at the first of them */
  backupContentLines(reference: string): AsyncGenerator<BackupContent, void, void> {
    return this.#backups.contentLines(reference);
  }

  /** Writes a backup's objects into a directory, sealed or not. In this process; without Temporal. */
  backupExport(
    reference: string,
    options: WaitOptions & { directory: string; unsealed?: boolean },
  ): Promise<ExportedFile[]> {
    return this.#backups.export(reference, options);
  }

  /** Shell commands that restore a backup with stock tools only. */
  backupHowToRestore(reference: string): Promise<string[]> {
    return this.#backups.howToRestore(reference);
  }

  /**
   * Restores a backup into an instance.
   * @param instance null: the one that the backup is of, with `toDirectory`
   * @throws BackupctlError not-found, ambiguous, usage for what contradicts itself
   */
  restoreCreate(backup: string, instance: string | null, options: RestoreOptions = {}): Promise<Restore> {
    return this.#restores.create(backup, instance, options);
  }

  /** What that would do. Changes nothing. */
  restorePlan(backup: string, instance: string | null, options: RestoreOptions = {}): Promise<RestorePlan> {
    return this.#restores.plan(backup, instance, options);
  }

  /** Restores; pages come newest first, the items of a page are oldest first. */
  restoreList(filter: RestoreFilter = {}): Promise<Page<Restore>> {
    return this.#restores.list(filter);
  }

  /** @throws BackupctlError not-found */
  restoreShow(id: string): Promise<Restore> {
    return this.#restores.show(id);
  }

  /** Asks a restore to stop; it is CANCELLED once it has cleaned up. @throws BackupctlError not-found, conflict */
  restoreCancel(id: string): Promise<void> {
    return this.#restores.cancel(id);
  }

  /**
   * Drops the databases that an overwriting restore kept.
   * @returns the execution to wait for
   * @throws BackupctlError not-found, conflict (not over, or finished before), refused (nothing was kept)
   */
  restoreFinish(id: string): Promise<Execution> {
    return this.#restores.finish(id);
  }

  /**
   * Removes what crashed runs have left.
   * @param options.grace seconds; what is younger is left alone. Default: an hour
   * @returns the execution to wait for; its output has `removed` and `problems`
   */
  async janitorRun(options: { grace?: number | undefined } = {}): Promise<Execution> {
    const { runJanitor } = await import('./janitor.ts');
    return runJanitor(this.#surroundings, options.grace ?? null);
  }

  /**
   * Has the worker send a test through one channel, or each that its configuration has, once.
   * @param options.channel `webhook`, `email` or `command`
   * @returns what each answered @throws BackupctlError not-found where there is no such channel
   */
  async notifyTest(options: { channel?: string | undefined } = {}): Promise<ChannelAnswer[]> {
    const { testChannels } = await import('./notify-test.ts');
    return testChannels(this.#surroundings, options.channel ?? null);
  }

  /**
   * Reads everything that is in the repository and its copies, and says what is wrong. In this process; without Temporal.
   * @param options.copy only this one: `primary`, or the name of a copy
   * @param options.data read, unseal and decompress the data of so many backups, or of such a share of them, as well
   * @throws BackupctlError not-found for a copy that is not configured; where only one is read, whatever it throws
   */
  async repositoryCheck(
    options: WaitOptions & { copy?: string | undefined; data?: Sample | undefined } = {},
  ): Promise<RepositoryCheck> {
    const { checkRepositories } = await import('./repositories.ts');
    return checkRepositories(await this.#surroundings.copies(), options);
  }

  /** Sizes by repository and instance. In this process; without Temporal. @throws like {@link repositoryCheck} */
  async repositoryStats(
    options: WaitOptions & { copy?: string | undefined } = {},
  ): Promise<RepositoryStatistics> {
    const { repositoryStatistics } = await import('./repositories.ts');
    return repositoryStatistics(await this.#surroundings.copies(), options);
  }

  /** Channels through which messages do not get, now, and why. */
  async channelHealth(): Promise<ChannelHealth[]> {
    const { readChannelHealth } = await import('./channel-health.ts');
    return readChannelHealth(this.#surroundings);
  }

  /**
   * Whether each instance has a good backup in time, by what the first repository says alone: works from any machine that
   * can read it, without Temporal.
   * @param options.maxAge seconds, instead of what instances and schedules say
   * @throws BackupctlError unavailable, not-found, credentials: the repository cannot be read
   */
  async checkFreshness(options: { maxAge?: number | undefined } = {}): Promise<FreshnessReport> {
    const { checkFreshness } = await import('./freshness.ts');
    return checkFreshness(this.#surroundings, options);
  }

  /** What the repository tells of each instance while Temporal does not answer, which `without` says. */
  async statusOfRepository(without: BackupctlError): Promise<InstanceStatus[]> {
    const { readRepositoryStatus } = await import('./freshness.ts');
    return readRepositoryStatus(this.#surroundings, without);
  }

  /** Whether each instance is protected, and if not, why; sorted by name. */
  async status(): Promise<InstanceStatus[]> {
    const { readStatus } = await import('./status.ts');
    return readStatus(this.#surroundings, this.#schedules);
  }
}
