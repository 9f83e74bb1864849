/** What goes in and out of workflows and activities. Types only: the client imports them too. */
import type { Alarm, AlarmKind } from '../activities/alarms.ts';
import type { Probe, RestoredDatabase, RestoreRequest, Selection } from '../engines/engine.ts';
import type { Hook } from '../repository/hook.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';

export type ExecutionState = 'RUNNING' | 'PAUSED' | 'SUCCESS' | 'ERROR' | 'CANCELLED' | 'SKIPPED' | 'MISSED';
export type ExecutionKind =
  | 'backup'
  | 'workflow'
  | 'restore'
  | 'delete'
  | 'undelete'
  | 'instance'
  | 'copy'
  | 'heal'
  | 'workbook';
export type OverlapPolicy = 'skip' | 'wait' | 'cancel-other';
export type BusyPolicy = 'wait' | 'skip';

/** A workflow of a workbook that a schedule runs in place of a backup. */
export interface ScheduledWorkflow {
  /** In full: `trove.backup_create`. */
  name: string;
  input: Dictionary;
  params: Dictionary;
}

/** Input of `backup_create`, keys in the order in which `schedule-create` prints them. */
export interface BackupCreateInput {
  /** Instance id; empty for a workflow that is of no instance. */
  instance: string;
  description: string | null;
  parent_id: string | null;
  name: string;
  /** Further keys stand here only where they are not the default. */
  incremental?: true;
  selection?: Selection;
  yield_to_ddl?: number;
  /** Of the schedule; those of the instance stand in its record. */
  hooks?: Hook[];
  /** What is run instead of a backup. */
  workflow?: ScheduledWorkflow;
}

/** Second argument of `backup_create`: how it behaves beside other runs. */
export interface RunPolicy {
  /** Null for manual runs. */
  schedule_id: string | null;
  overlap: OverlapPolicy;
  on_busy: BusyPolicy;
  /** Seconds. */
  catchup_window: number;
  /** Fires before this instant are not missed ones: creation, the last unpause, the last change of the pattern. ISO. */
  active_since: string | null;
  /** Seconds after which the instance's newest good backup is stale; null: it does not count; left out: by its fires. */
  max_age?: number | null;
  /** Only where it was asked for: how many good backups of the schedule stay; older ones are removed after a good run. */
  keep_last?: number;
  /** Only of cron triggers. */
  cron_trigger?: CronTriggerFacts;
}

/** What Temporal's schedule does not tell of a cron trigger. */
export interface CronTriggerFacts {
  /** Null for one that fires once. */
  pattern: string | null;
  /** ISO 8601, to the minute; null for one that begins at once. */
  first_execution_time: string | null;
  /** Executions that are left; only in a copy of it, since Temporal counts them. */
  remaining?: number;
}

/** What the step `retain` of a backup did. */
export interface RetainResult {
  /** Backups whose deletion has begun. */
  tombstoned: number;
  /** Good ones of the schedule that stay by its rule. */
  kept: number;
  /** Such as are beyond the rule and stay all the same: in use, held, or needed by another backup. */
  held: number;
  /** Why nothing was done, where that is so. */
  doubt: string | null;
  /** What is left for the next run. */
  left: number;
}

/** Fires that were lost while nothing ran: they stand in one row. */
export interface MissedFires {
  reason: string;
  number: number;
  /** ISO 8601, as Temporal computed them. */
  first: string;
  last: string;
}

/** Output of an execution: short, begins with `status`. */
export interface ExecutionOutput {
  status: string;
  error?: string;
  hint?: string;
  reason?: string;
  [key: string]: unknown;
}

/** The memo that every execution carries once it has ended; a list needs nothing else. */
export interface ExecutionMemo {
  state: ExecutionState;
  output: ExecutionOutput;
  /** Facts for `--json`: backup_id, bytes … */
  facts: Record<string, string | number | null>;
}

/** Custom search attributes, all of type Keyword. */
export const searchAttributes = {
  execution: 'BackupctlExecution',
  instance: 'BackupctlInstance',
  schedule: 'BackupctlSchedule',
  backup: 'BackupctlBackup',
  kind: 'BackupctlKind',
} as const;

/** A backup as `pickParent` prepared it. */
export interface PreparedBackup {
  instance_id: string;
  instance_name: string;
  engine: string;
  task_queue: string | null;
  kind: 'full' | 'incremental';
  parent_id: string | null;
  parent_sha256: string | null;
  /** Only where there are copies: their names, and in how many repositories the backup has to be to be COMPLETED. */
  copies?: string[];
  quorum?: number;
  /** What runs around the dump, in the order of `before`; only where there is something. */
  hooks?: Hook[];
}

/** Input of `backup_copy`. */
export interface BackupCopyInput {
  instance_id: string;
  backup_id: string;
  /** Name of the copy. */
  copy: string;
}

/** What a try at a copy came to: done, or other backups have to be there first, the oldest first. */
export type CopyResult =
  | { parents: string[] }
  | {
      outcome: 'copied' | 'recognised';
      sealed_size: number;
      objects: number;
      bytes_in: number;
      bytes_out: number;
      seconds: number;
    };

/** What dump and upload hand to the commit: a reference, never the manifest itself (payloads stop at 2 MB). */
export interface DumpResult {
  attempt_id: string;
  /** SHA-256 of the draft's bytes. */
  draft_sha256: string;
  bytes_in: number;
  bytes_out: number;
  objects: number;
  databases: number;
  warnings: number;
  seconds: number;
}

export interface CommitResult {
  outcome: 'committed' | 'recognised' | 'lost';
  attempt_id: string;
  manifest_sha256: string;
  sealed_size: number;
}

/** Input of `restore_create` and `restore_plan`. */
export interface RestoreInput {
  restore_id: string;
  backup: { instance_id: string; backup_id: string };
  target_instance_id: string;
  request: RestoreRequest;
}

/** What `restore_create` puts beside `status` into its output. */
export interface RestoreOutput extends ExecutionOutput {
  databases: RestoredDatabase[];
}

export interface RestoreFinishInput {
  restore_id: string;
  target_instance_id: string;
  databases: RestoredDatabase[];
}

export interface InstanceChangeInput {
  action: 'create' | 'update' | 'delete';
  record: InstanceRecord;
  /** Connect first, and refuse what cannot be backed up whole. */
  check: boolean;
}

export interface InstanceChangeResult {
  record: InstanceRecord;
  probe: Probe | null;
}

export interface BackupDeleteInput {
  instance_id: string;
  backup_id: string;
  /** Who asked, for the tombstone. */
  by: string;
}

export interface BackupHealInput {
  instance_id: string;
  backup_id: string;
  /** The one repository to heal it in: `primary`, or the name of a copy. Null: all of them. */
  copy: string | null;
}

/** What healing found in one repository. */
export interface HealResult {
  copy: string;
  /** Objects that were looked at. */
  checked: number;
  /** Those that were not right: where each came from anew, or why it could not. */
  objects: { key: string; problem: string; from: string | null; reason: string | null }[];
  /** Whether an object is right in no repository, though all were asked. */
  lost: boolean;
  /** Nothing of the backup is there: it was not copied yet. */
  absent: boolean;
}

export interface JanitorInput {
  /** Nothing younger than this is touched. Default: an hour, and the repository's own grace for tombstones. */
  grace_seconds: number | null;
}

export interface JanitorResult {
  /** A line for each thing that was removed. */
  removed: string[];
  /** Deleted backups whose bytes are still there, and why: the grace period, somebody who reads it, a hold of the store. */
  kept?: string[];
  /** What it could not look at or remove, and why. */
  problems: string[];
}

export interface InstanceSweepResult extends JanitorResult {
  /** Task queues whose workers sweep the instances that they are beside. */
  elsewhere: string[];
}

/** Of the one workflow that groups alarms and has them sent. */
export const notifyWorkflowId = 'backupctl-notify';

/** Of the one workflow that watches whether good backups come in time. */
export const freshnessWorkflowId = 'backupctl-freshness';

/** What the former is signalled. */
export interface AlarmSignal {
  alarm: Alarm;
  /** Seconds, where the sender knows them. */
  group_window?: number;
  repeat?: number;
}

/** Alarms of one kind and one cause, as people are told of them. A few of them stand for all. */
export interface AlarmMessage {
  /** The same for every try and every channel: whoever gets it twice can tell. */
  id: string;
  kind: AlarmKind;
  cause: string;
  /** How many things it is about. */
  count: number;
  /** The first of them, in the order in which they were heard of. */
  subjects: string[];
  alarms: Alarm[];
  /** The workflow's time, ISO 8601. */
  at: string;
}

/** Input of `notification`. */
export interface NotificationInput {
  channel: string;
  message: AlarmMessage;
}

/** What a channel answered to a test. */
export interface ChannelAnswer {
  channel: string;
  ok: boolean;
  /** In words; never a secret. */
  answer: string;
}

/** What a look at all copies came to. */
export interface CopySweepResult {
  /** Copies that were begun: `BACKUP to NAME`. */
  started: string[];
  /** Backups that are missing, by the names of copies; those of which that is known. */
  missing: Record<string, number>;
  /** What could not be done, and why. */
  problems: string[];
}

/** The workflow id of a copy: one at a time for a backup and a copy. Also the holder of its pin. */
export function copyWorkflowId(backupId: string, copy: string): string {
  return `copy/${backupId}/${copy}`;
}

/** The workflow id of healing a backup: one at a time for each. Also the holder of its pin. */
export function healWorkflowId(backupId: string): string {
  return `backup_heal/${backupId}`;
}

/** Backup and copy of a copy's id, or null for any other. */
export function parseCopyWorkflowId(workflowId: string): { backupId: string; copy: string } | null {
  const [, backupId, copy] = /^copy\/([0-9a-f-]{36})\/([a-z0-9-]+)$/.exec(workflowId) ?? [];
  return backupId === undefined || copy === undefined ? null : { backupId, copy };
}
