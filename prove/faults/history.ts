import { Client, type Connection, Connection as TemporalConnection } from '@temporalio/client';
import { executionTypes, toExecution } from '../../client/execution-record.ts';
import type { Execution } from '../../client/types.ts';
import type { World } from './world.ts';

/** Types of workflow that work for nobody in particular: one may be running at any time. */
const housekeeping = new Set(['reconcile']);

export interface History {
  /** Executions that began after an instant. */
  executions: Execution[];
  /** Workflows that run on behalf of somebody, child workflows too: `backup_run backup/…/data`. */
  running: string[];
}

/** What Temporal has to say, asked without the product. @throws where it does not answer */
export async function historySince(world: World, since: Date): Promise<History> {
  const connection: Connection = await TemporalConnection.connect({
    address: `127.0.0.1:${world.platform.temporalPort}`,
    connectTimeout: 3000,
  });
  try {
    const client = new Client({ connection });
    const executions: Execution[] = [];
    const running: string[] = [];
    for await (const row of client.workflow.list({ pageSize: 200 })) {
      const isRunning = row.status.name === 'RUNNING';
      const isSystem = housekeeping.has(row.type) || row.workflowId.startsWith('temporal-sys-');
      if (isRunning && !isSystem && !row.workflowId.startsWith('backupctl-')) {
        running.push(`${row.type} ${row.workflowId}`);
      }
      // Those that run come first, then the others, the last closed first.
      if (row.closeTime !== undefined && row.closeTime < since) break;
      if (
        row.startTime >= since &&
        executionTypes.includes(row.type) &&
        !row.workflowId.startsWith('backupctl-')
      ) {
        executions.push(toExecution(row));
      }
    }
    return { executions, running };
  } finally {
    await connection.close();
  }
}
