/** What goes in and out of workflows and activities. Types only: the client imports them too. */
import type { Selection } from '../engines/engine.ts';

export type ExecutionState = 'RUNNING' | 'SUCCESS' | 'ERROR' | 'CANCELLED' | 'SKIPPED' | 'MISSED';
export type ExecutionKind = 'backup' | 'restore' | 'delete' | 'instance';
export type OverlapPolicy = 'skip' | 'wait' | 'cancel-other';
export type BusyPolicy = 'wait' | 'skip';

/** Input of `backup_create`, keys in the order in which `schedule-create` prints them. */
export interface BackupCreateInput {
  /** Instance id. */
  instance: string;
  description: string | null;
  parent_id: string | null;
  name: string;
  /** Further keys stand here only where they are not the default. */
  incremental?: true;
  selection?: Selection;
  yield_to_ddl?: number;
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
}

export interface BackupRef {
  instance_id: string;
  backup_id: string;
  execution_id: string;
}

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
