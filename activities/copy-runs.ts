import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { copyWorkflowId, parseCopyWorkflowId } from '../workflows/types.ts';

/** Which backups are being copied where, by the names of copies. From Temporal's list: it lags by moments. */
export async function runningCopies(temporal: Client): Promise<Map<string, Set<string>>> {
  const running = new Map<string, Set<string>>();
  const query = `WorkflowType = 'backup_copy' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of temporal.workflow.list({ query })) {
    const found = parseCopyWorkflowId(workflowId);
    if (found === null) continue;
    const known = running.get(found.copy) ?? new Set();
    running.set(found.copy, known.add(found.backupId));
  }
  return running;
}

/** The newest run of a copy, as its history says it. */
export interface CopyRun {
  running: boolean;
  /** How it ended, where it did: `COMPLETED`, `FAILED`, `CANCELLED` … */
  status: string;
  closedAt: Date | null;
  /** Of its work, while it runs. */
  attempt: number;
  bytesOut: number | null;
  stage: string | null;
  lastFailure: string | null;
}

/** Null where there never was one, or its history is gone. */
export async function describeCopy(
  temporal: Client,
  backupId: string,
  copy: string,
): Promise<CopyRun | null> {
  try {
    const found = await temporal.workflow.getHandle(copyWorkflowId(backupId, copy)).describe();
    const work = (found.raw.pendingActivities ?? []).find(
      ({ activityType }) => activityType?.name === 'copy_backup',
    );
    const beat = heartbeatOf(work?.heartbeatDetails?.payloads?.[0]?.data);
    return {
      running: found.status.name === 'RUNNING',
      status: found.status.name,
      closedAt: found.closeTime ?? null,
      attempt: work?.attempt ?? 0,
      bytesOut: typeof beat.bytes_out === 'number' ? beat.bytes_out : null,
      stage: typeof beat.stage === 'string' ? beat.stage : null,
      lastFailure: innermost(work?.lastFailure),
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

function heartbeatOf(data: Uint8Array | null | undefined): Record<string, unknown> {
  if (!data) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

interface Failure {
  message?: string | null;
  cause?: Failure | null;
}

function innermost(failure: Failure | null | undefined): string | null {
  let found = failure;
  while (found?.cause) found = found.cause;
  return found?.message || null;
}
