import { proxyLocalActivities, sleep } from '@temporalio/workflow';
import type { WorkbookRegistryActivities } from '../../activities/workbooks/registry.ts';

const { workbook_breathe } = proxyLocalActivities<Pick<WorkbookRegistryActivities, 'workbook_breathe'>>({
  startToCloseTimeout: '1 minute',
});

/** So many times in a row without a look at what Temporal has to say, such as that the run was cancelled. */
const most = 10;

/**
 * Lets go of the worker between two turns: the SDK takes a workflow for dead that holds it for seconds. A timer would do,
 * but takes Temporal a second.
 */
export class Breath {
  #number = 0;

  async take(): Promise<void> {
    this.#number += 1;
    if (this.#number % most === 0) await sleep(1);
    else await workbook_breathe();
  }
}
