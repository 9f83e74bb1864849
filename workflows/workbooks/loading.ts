import { proxyLocalActivities } from '@temporalio/workflow';
import type { WorkbookRegistryActivities } from '../../activities/workbooks/registry.ts';
import type { LoadedWorkflow, WorkbookRunInput } from './types.ts';

// Within the workflow's own turn: the way to the queue and back would cost each run, and each sub-workflow, more than the
// reading does.
const { workbook_load } = proxyLocalActivities<Pick<WorkbookRegistryActivities, 'workbook_load'>>({
  startToCloseTimeout: '2 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 20 },
});

/** The workflow that a run is of, at the revision of its root's start. */
export function loadWorkflow({ workflow, parent }: WorkbookRunInput): Promise<LoadedWorkflow> {
  return workbook_load({ workflow, workbook: parent?.workbook ?? null, pins: parent?.pins ?? {} });
}
