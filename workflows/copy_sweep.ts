import { proxyActivities } from '@temporalio/workflow';
import type { CopySweepActivities } from '../activities/copy-sweep.ts';
import type { CopySweepResult } from './types.ts';

const { sweep_copies } = proxyActivities<CopySweepActivities>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '20 seconds',
  // The next one comes within a minute.
  retry: { maximumAttempts: 1 },
});

/** Looks what the copies lack: begins what is missing, mirrors marks and revisions, tells of debts. */
export async function copy_sweep(): Promise<CopySweepResult> {
  return sweep_copies({ now: new Date().toISOString() });
}
