import { proxyActivities } from '@temporalio/workflow';
import type { WorkbookRegistryActivities } from '../activities/workbooks/registry.ts';
import type { WorkbookKind } from '../repository/workbook-copy.ts';

const { workbook_write } = proxyActivities<WorkbookRegistryActivities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '10 seconds',
  scheduleToCloseTimeout: '10 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

export interface WorkbookChangeInput {
  /** Left out: a workbook. */
  kind?: WorkbookKind;
  name: string;
  /** Null deletes it. */
  text: string | null;
  mode: 'create' | 'update';
}

export interface WorkbookChange {
  revision: number;
  change: 'created' | 'updated' | 'unchanged' | 'deleted';
}

/** Creates, changes or deletes a workbook of the registry. */
export function workbook_change(input: WorkbookChangeInput): Promise<WorkbookChange> {
  return workbook_write({ ...input, at: new Date().toISOString() });
}
