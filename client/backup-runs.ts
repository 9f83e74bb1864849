import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { BackupCreateInput } from '../workflows/types.ts';
import { quoted } from './attributes.ts';
import type { TemporalLink } from './connection.ts';
import { toExecution } from './execution-record.ts';
import { readSteps } from './execution-steps.ts';
import { isNotFound } from './grpc-errors.ts';
import type { Backup, BackupStatus, ExecutionStep } from './types.ts';

/** A run that is making a backup, or failed to, as far as a list knows it. */
export interface BackupRun {
  backupId: string;
  row: WorkflowExecutionInfo;
}

/**
 * Runs whose backup is not in the repository, or not yet: those under way, and those that failed. A run that was
 * cancelled, skipped or missed made none.
 * @param instanceId null for all instances
 */
export async function listBackupRuns(link: TemporalLink, instanceId: string | null): Promise<BackupRun[]> {
  const query = [
    `WorkflowType = 'backup_create'`,
    `BackupctlBackup IS NOT NULL`,
    `ExecutionStatus IN ('Running', 'Failed', 'TimedOut', 'Terminated')`,
    ...(instanceId === null ? [] : [`BackupctlInstance = ${quoted(instanceId)}`]),
  ].join(' AND ');
  return listRuns(link, query);
}

/** Backups whose runs have not come to a good end: they wait for copies, were cancelled over that, or failed. */
export async function listUnfinishedBackups(link: TemporalLink): Promise<Set<string>> {
  const query = [
    `WorkflowType = 'backup_create'`,
    `BackupctlBackup IS NOT NULL`,
    `ExecutionStatus IN ('Running', 'Canceled', 'Failed', 'TimedOut', 'Terminated')`,
  ].join(' AND ');
  return new Set((await listRuns(link, query)).map(({ backupId }) => backupId));
}

/** Every run that was to make that backup, however it ended. */
export async function findBackupRun(link: TemporalLink, backupId: string): Promise<BackupRun | null> {
  const query = `WorkflowType = 'backup_create' AND BackupctlBackup = ${quoted(backupId)}`;
  return (await listRuns(link, query))[0] ?? null;
}

/** How many runs are asked for their name: each is a call. */
const NAMED = 50;

/** The newest run that makes, or failed to make, a backup of that name, among the newest {@link NAMED}. */
export async function findNamedRun(link: TemporalLink, name: string): Promise<BackupRun | null> {
  for (const run of (await listBackupRuns(link, null)).slice(0, NAMED)) {
    if ((await readInput(link, run.row))?.name === name) return run;
  }
  return null;
}

async function listRuns(link: TemporalLink, query: string): Promise<BackupRun[]> {
  return link.call(async ({ workflow }) => {
    const runs: BackupRun[] = [];
    for await (const row of workflow.list({ query, pageSize: 1000 })) {
      const { backupId } = toExecution(row);
      if (backupId !== null) runs.push({ backupId, row });
    }
    return runs;
  });
}

/**
 * What such a run makes, in the words of a list of backups: NEW until the dump begins, BUILDING while nothing is
 * stored yet, SAVING from then on.
 */
export async function toRunningBackup(
  link: TemporalLink,
  { backupId, row }: BackupRun,
  nameOf: (instanceId: string) => string,
  datastoreOf: (instanceId: string) => string,
): Promise<Backup & { error: string | null }> {
  const execution = toExecution(row);
  const running = execution.state === 'RUNNING';
  const [input, steps] = await Promise.all([readInput(link, row), running ? readSteps(link, row) : []]);
  const dump = steps.find(({ name }) => name === 'dump_upload');
  const instanceId = input?.instance ?? execution.instanceId ?? '';
  const { error, reason, status } = execution.output ?? {};
  return {
    id: backupId,
    name: input?.name ?? '',
    description: input?.description ?? null,
    instanceId,
    instanceName: nameOf(instanceId),
    status: running ? statusOf(dump) : 'FAILED',
    parentId: input?.parent_id ?? null,
    datastore: datastoreOf(instanceId),
    datastoreVersion: null,
    size: null,
    createdAt: execution.executionTime,
    updatedAt: execution.endedAt ?? dump?.startedAt ?? execution.executionTime,
    executionId: execution.id,
    scheduleId: execution.scheduleId,
    deletion: null,
    progress:
      running && dump !== undefined && dump.bytesIn !== null
        ? { bytesIn: dump.bytesIn, bytesOut: dump.bytesOut ?? 0, rate: dump.rate ?? 0 }
        : null,
    error: running ? null : (error ?? reason ?? status ?? null),
  };
}

function statusOf(dump: ExecutionStep | undefined): BackupStatus {
  if (dump === undefined || (dump.startedAt === null && dump.attempts === 0)) return 'NEW';
  return dump.endedAt !== null || (dump.bytesOut ?? 0) > 0 ? 'SAVING' : 'BUILDING';
}

/** What the run was asked to do: its history's first event. Null where the history is gone. */
async function readInput(link: TemporalLink, row: WorkflowExecutionInfo): Promise<BackupCreateInput | null> {
  return link.call(async ({ workflowService }) => {
    try {
      const { history } = await workflowService.getWorkflowExecutionHistory({
        namespace: link.namespace,
        execution: { workflowId: row.workflowId, runId: row.runId },
        maximumPageSize: 1,
      });
      const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
      const data = started?.input?.payloads?.[0]?.data;
      return data ? (JSON.parse(Buffer.from(data).toString('utf8')) as BackupCreateInput) : null;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  });
}
