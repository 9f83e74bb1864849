import type { JanitorInput } from '../workflows/types.ts';
import { toExecution } from './execution-record.ts';
import { startRun } from './runs.ts';
import type { Surroundings } from './surroundings.ts';
import type { Execution } from './types.ts';

/** See {@link BackupClient.janitorRun}. */
export async function runJanitor(surroundings: Surroundings, grace: number | null): Promise<Execution> {
  const input: JanitorInput = { grace_seconds: grace };
  const row = await startRun(surroundings, {
    type: 'janitor',
    workflowId: 'janitor/manual',
    args: [input],
    labels: { kind: 'janitor', instance: null },
  });
  return toExecution(row);
}
