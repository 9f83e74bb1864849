/**
 * What the client gives back. Times are `Date`; the command line prints them as UTC. The JSON of the command line is
 * these shapes with snake_case keys and ISO 8601 times, so a key's name here is the key's name there, in camel case.
 */

import type { RestoredDatabase, RestorePlan, RestoreRequest, Selection } from '../engines/engine.ts';
import type { Hook } from '../repository/hook.ts';
import type { Manifest, Mark, SecretReference, VerifyFinding } from '../repository/repository.ts';
import type { InstanceStatistics } from '../repository/statistics.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';
import type {
  BackupCreateInput,
  BusyPolicy,
  ChannelAnswer,
  ExecutionKind,
  ExecutionOutput,
  ExecutionState,
  OverlapPolicy,
  ScheduledWorkflow,
} from '../workflows/types.ts';
import type { WorkflowExecution } from './workbook-types.ts';

/** How old the newest good backup may be, in seconds; null where that is derived. */
export type MaxAge = number | 'none' | null;

export interface Schedule {
  id: string;
  name: string;
  description: string | null;
  /** Instance id; null for a schedule of a workflow that is of no instance. */
  instance: string | null;
  instanceName: string | null;
  /** What it runs in place of backups. */
  workflow: ScheduledWorkflow | null;
  /** The text that was given, not what Temporal compiled from it. */
  pattern: string;
  timezone: string;
  /** As Temporal computes it; null when paused or when nothing is to come. */
  nextExecutionTime: Date | null;
  parentId: string | null;
  incremental: boolean;
  input: BackupCreateInput;
  paused: boolean;
  note: string | null;
  overlap: OverlapPolicy;
  onBusy: BusyPolicy;
  /** Seconds. */
  catchupWindow: number;
  /** Seconds. */
  jitter: number;
  /** Seconds after which its instance's newest good backup is stale; null: by its fires; `none`: it does not count. */
  maxAge: MaxAge;
  /** How many good backups of it stay; older ones go after a good run. Null: all stay. */
  keepLast: number | null;
  /** What runs around each of its backups, besides the hooks of the instance. */
  hooks: Hook[];
  /** Fires before this are not missed ones: creation, the last unpause, the last change of the fires. */
  activeSince: Date | null;
  createdAt: Date;
  /** Null where it was never changed. */
  updatedAt: Date | null;
}

export interface ScheduleOptions {
  description?: string | null;
  timezone?: string;
  overlap?: OverlapPolicy;
  onBusy?: BusyPolicy;
  /** Seconds; default one day, at least 60. */
  catchupWindow?: number;
  /** Seconds. */
  jitter?: number;
  /** Seconds; default (null): by its fires; `none`: it does not count. */
  maxAge?: MaxAge | undefined;
  /** From 1 to 10,000: after each good run, older backups of this schedule than so many good ones are deleted. */
  keepLast?: number;
  paused?: boolean;
  incremental?: boolean;
  parentId?: string | null;
  selection?: Selection;
  /** End a dump that has kept somebody waiting for a lock for so many seconds. */
  yieldToDdl?: number;
  /** What runs around each of its backups, besides the hooks of the instance. */
  hooks?: Hook[] | undefined;
  /** Runs this workflow in place of backups; what is of backups alone cannot be given then. */
  workflow?: WorkflowRequest | undefined;
}

/** A workflow that a schedule is to run. */
export interface WorkflowRequest {
  /** In full: `trove.backup_create`. */
  name: string;
  /**
   * What it takes. `name`, `description` and `parent_id` of the schedule, and `instance` (an id) where it is of one, are
   * put where the workflow declares them and they are not given.
   */
  input?: Dictionary | undefined;
  /** `env`, `task_name` and the like. */
  params?: Dictionary | undefined;
}

/** A workflow that runs whenever a pattern fires, or once, as Mistral has it. */
export interface CronTrigger {
  id: string;
  /** No other trigger has it. */
  name: string;
  workflowName: string;
  workflowInput: Dictionary;
  workflowParams: Dictionary;
  /** Null for one that fires once. */
  pattern: string | null;
  firstExecutionTime: Date | null;
  /** As Temporal computes it; null while it is paused after `recover`. */
  nextExecutionTime: Date | null;
  /** Null where there is no end. At 0 it goes away. */
  remainingExecutions: number | null;
  createdAt: Date;
  updatedAt: Date | null;
}

/** A pattern, a first time, or both. */
export interface CronTriggerOptions {
  /** Five fields, UTC. */
  pattern?: string | undefined;
  /** At least a minute ahead. */
  firstExecutionTime?: Date | undefined;
  /** At least 1; default without a pattern 1, else no end. */
  count?: number | undefined;
  input?: Dictionary | undefined;
  params?: Dictionary | undefined;
}

/** Past fires of a schedule that run now, one after the other. */
export interface Backfill {
  scheduleId: string;
  /** How many they are. */
  runs: number;
  /** The earliest and the latest of them. */
  first: Date;
  last: Date;
}

/** A schedule that was just made, and what is worth knowing about its fires. */
export interface CreatedSchedule extends Schedule {
  /** A line for each day within a year on which daylight saving time loses, moves or repeats a fire. */
  notices: string[];
}

export type ScheduleChanges = Omit<
  ScheduleOptions,
  'paused' | 'parentId' | 'incremental' | 'selection' | 'yieldToDdl' | 'keepLast' | 'workflow'
> & {
  name?: string;
  pattern?: string;
  /** Null: from now on all backups stay. */
  keepLast?: number | null;
};

export interface Execution {
  /** The first run's id. */
  id: string;
  kind: ExecutionKind | 'janitor';
  state: ExecutionState;
  output: ExecutionOutput | null;
  scheduleId: string | null;
  instanceId: string | null;
  backupId: string | null;
  /** When it began. */
  executionTime: Date;
  endedAt: Date | null;
  workflowId: string;
  facts: Record<string, string | number | null>;
}

/** A step (an activity) of an execution, as its history and its heartbeats tell. */
export interface ExecutionStep {
  name: string;
  state: 'WAITING' | 'RUNNING' | 'RETRYING' | 'SUCCESS' | 'ERROR' | 'CANCELLED';
  attempts: number;
  startedAt: Date | null;
  endedAt: Date | null;
  /** Bytes before and after sealing, and bytes a second, where it moves any. */
  bytesIn: number | null;
  bytesOut: number | null;
  rate: number | null;
  output: string | null;
  /** Why the last attempt failed, where one did. */
  lastFailure: string | null;
}

export interface ExecutionDetails extends Execution {
  /** Empty for a workflow of a workbook, which has tasks. */
  steps: ExecutionStep[];
  /** Of kind `workbook` alone: the run with its tasks. */
  workflow?: WorkflowExecution;
}

export type BackupStatus = 'NEW' | 'BUILDING' | 'SAVING' | 'COPYING' | 'COMPLETED' | 'FAILED' | 'DELETING';

export interface Backup {
  id: string;
  name: string;
  description: string | null;
  instanceId: string;
  instanceName: string;
  status: BackupStatus;
  parentId: string | null;
  datastore: string;
  datastoreVersion: string | null;
  /** Sealed bytes. */
  size: number | null;
  createdAt: Date;
  updatedAt: Date;
  executionId: string | null;
  scheduleId: string | null;
  /** Of one that is being deleted: since when, by whom, and when its bytes may go; null for all others. */
  deletion: { at: Date; by: string; removedAfter: Date } | null;
  /** Of a running one: bytes so far and bytes a second. */
  progress: { bytesIn: number; bytesOut: number; rate: number } | null;
}

/** What a backup is to take, where that is not everything. */
export interface BackupOptions {
  description?: string | null | undefined;
  incremental?: boolean | undefined;
  parentId?: string | null | undefined;
  selection?: Selection | undefined;
  yieldToDdl?: number | undefined;
  /** Asked again with the same key, there is no second backup: it is the first that is returned. */
  key?: string | undefined;
}

/** Which backups. */
export interface BackupFilter extends PageOptions {
  /** Exact id or exact name. */
  instance?: string | undefined;
  /** Engine: `postgres`. */
  datastore?: string | undefined;
  /** Those that are being deleted and still there, instead of all others. */
  deleted?: boolean | undefined;
}

/** A page of backups; what could not be asked (Temporal is down) stands in `warnings`, a line each. */
export interface BackupPage extends Page<Backup> {
  warnings: string[];
}

export interface VerifiedBackup {
  id: string;
  name: string;
  /** The repositories that were read: `primary`, names of copies. */
  read: string[];
  /** Nothing where all is well. */
  findings: (VerifyFinding & { copy: string })[];
  /** Repositories that could not be read, and why. */
  unread: { copy: string; problem: string }[];
}

/** What a check of the repositories found. */
export interface RepositoryCheck {
  /** The repositories that were read whole: `primary`, names of copies. */
  read: string[];
  /** Backups with a good manifest, in the repository that has most. */
  backups: number;
  /** A `problem` is wrong; a `note` is as it may be, such as work that is under way. */
  findings: { copy: string; key: string; problem: string; level: 'problem' | 'note' }[];
  /** Repositories that could not be read, and why. */
  unread: { copy: string; problem: string }[];
}

/** Sizes by repository and instance, in bytes. */
export interface RepositoryStatistics {
  read: string[];
  instances: (InstanceStatistics & { copy: string })[];
  unread: { copy: string; problem: string }[];
}

export type { ContentLine as BackupContent } from '../engines/facts.ts';

/** A file that an export wrote. */
export interface ExportedFile {
  path: string;
  /** Bytes. */
  size: number;
}

/** A backup in one repository: the first (`primary`), or a copy. */
export interface BackupCopy {
  name: string;
  location: string;
  /** BROKEN: it was read, and found damaged. UNREACHABLE: its store does not answer now. */
  state: 'COMPLETED' | 'COPYING' | 'MISSING' | 'BROKEN' | 'UNREACHABLE';
  /** Of one that is being copied: sealed bytes that are there, and of how many. */
  progress: { bytes: number; of: number } | null;
  /** Why it is not there yet, or cannot be looked at. */
  problem: string | null;
}

export interface BackupDetails extends Backup {
  /** Where it is; nothing where no copies are configured. */
  copies: BackupCopy[];
  manifest: Manifest | null;
  marks: Mark[];
  /** Of a failed one. */
  error: string | null;
}

export interface Instance {
  id: string;
  name: string;
  datastore: string;
  url: string;
  password: SecretReference | null;
  taskQueue: string | null;
  /** Seconds after which its newest good backup is stale; null: by its schedules; `none`: it is not watched. */
  maxAge: MaxAge;
  /** What runs around each of its backups. */
  hooks: Hook[];
  createdAt: Date;
  updatedAt: Date;
  /** Only from create, update and show with a check. */
  probe?: { version: string; size: number | null; databases: string[]; warnings: string[] };
  /** Only where it was asked for. */
  coverage?: InstanceCoverage;
}

/** What a backup of an instance will contain, and what not, a line each. */
export interface InstanceCoverage {
  /** The newest schedule, where it takes a part only: then this is said of its backups. Null: of the whole. */
  schedule: string | null;
  contains: string[];
  lacks: string[];
  /** What could not be asked; null where nothing. */
  warning: string | null;
}

export interface InstanceOptions {
  /** Without a password. */
  url: string;
  password?: SecretReference | null | undefined;
  taskQueue?: string | null | undefined;
  /** Seconds; default (null): by its schedules; `none`: it is not watched. */
  maxAge?: MaxAge | undefined;
  /** What runs around each of its backups: commands that the worker's configuration knows, or statements that it allows. */
  hooks?: Hook[] | undefined;
  /** Connect first, and refuse what cannot be backed up whole; default true. */
  check?: boolean | undefined;
}

export type InstanceChanges = Partial<InstanceOptions> & { name?: string | undefined };

/** Whether an instance is protected, and if not, why. */
export interface InstanceStatus {
  id: string;
  name: string;
  protected: boolean;
  /** Why it is not; null where it is. */
  reason: string | null;
  lastBackupId: string | null;
  /** When the newest good backup began: the instant to which one could go back. */
  lastBackupAt: Date | null;
  /** Seconds since then. */
  age: number | null;
  /** Of its soonest schedule. */
  nextExecutionTime: Date | null;
  /** What failed since the newest good backup, the newest of it. */
  lastFailure: { executionId: string; at: Date; error: string } | null;
}

/** What a repository tells of the freshness of its instances. */
export interface FreshnessReport {
  /** Of the repository. */
  location: string;
  /** Sorted by name. */
  instances: InstanceFreshness[];
}

export interface InstanceFreshness {
  id: string;
  name: string;
  /** False where nobody said that there should be backups. */
  watched: boolean;
  stale: boolean;
  /** Why it is stale; null where it is not. */
  reason: string | null;
  /** When the newest good backup began. */
  lastBackupAt: Date | null;
  /** When the next one has to be there. */
  dueAt: Date | null;
  /** Seconds that the newest good backup may have now. */
  maxAge: number | null;
}

/** A channel through which messages do not get, now. */
export interface ChannelHealth {
  channel: string;
  /** Messages that are tried again. */
  waiting: number;
  /** When the oldest of them was to be sent. */
  since: Date;
  /** What the channel said last. */
  error: string | null;
}

/** What to bring back, and how. */
export type RestoreOptions = Partial<Omit<RestoreRequest, 'restoreId'>>;

/** Which restores. */
export interface RestoreFilter extends PageOptions {
  /** Target instance, by exact id or exact name. */
  instance?: string | undefined;
}

export type RestoreStatus = 'NEW' | 'RESTORING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

export interface Restore {
  id: string;
  status: RestoreStatus;
  backupId: string;
  /** Target instance. */
  instanceId: string;
  databases: RestoredDatabase[];
  phase: string | null;
  executionId: string;
  startedAt: Date;
  endedAt: Date | null;
  error: string | null;
  hint: string | null;
}

/** Which page of a list. */
export interface PageOptions {
  /** Id of the oldest thing of the page before; the page goes on after it. */
  marker?: string | undefined;
  /** At least 1; default 100. */
  limit?: number | undefined;
}

/** How long to wait, and how to tell that one waits. */
export interface WaitOptions {
  /** Ends the wait, not what is waited for. */
  signal?: AbortSignal | undefined;
  /** Called now and then with a line that says what is waited for, or how far it is. */
  onProgress?: ((line: string) => void) | undefined;
}

/** Which lines of a log. */
export interface LogOptions {
  /** Lines to leave out; default 0. */
  offset?: number | undefined;
  /** Go on until the execution ends. */
  follow?: boolean | undefined;
  /** Ends the iteration. */
  signal?: AbortSignal | undefined;
}

/** A line of an execution's log: `time` (ISO 8601), `level`, `step`, `attempt`, `message`, and fields of the message. */
export interface LogLine {
  message?: string;
  [key: string]: unknown;
}

export interface Page<T> {
  /** Oldest first, though pages come newest first: the first item is the marker of the next page. */
  items: T[];
  /** Id to give as `marker` for the next page; null on the last one. */
  nextMarker: string | null;
}

export type {
  BackupCreateInput,
  ChannelAnswer,
  Hook,
  Manifest,
  Mark,
  RestoredDatabase,
  RestorePlan,
  SecretReference,
  VerifyFinding,
};
