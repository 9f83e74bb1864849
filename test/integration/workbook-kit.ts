import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import type { Platform } from '../servers/platform.ts';

/** Enters a workbook into the registry of a platform, or changes it. */
export async function loadWorkbook(platform: Platform, name: string, text: string): Promise<void> {
  await onTemporal(platform, async ({ workflow }) => {
    await workflow.execute('workbook_change', {
      workflowId: `test/${randomUUID()}`,
      taskQueue: 'backupctl',
      args: [{ name, text, mode: 'update' }],
    });
  });
}

/** A connection to the Temporal of a platform, for what no command shows. */
export async function onTemporal<T>(platform: Platform, body: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: `127.0.0.1:${platform.temporalPort}` });
  try {
    return await body(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
