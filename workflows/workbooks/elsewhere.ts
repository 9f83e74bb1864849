import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type { WorkbookRegistryActivities } from '../../activities/workbooks/registry.ts';
import type { Elsewhere } from '../../workbooks/engine/host.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import { mentions } from '../../workbooks/expressions/evaluate.ts';
import type { Dictionary, Value } from '../../workbooks/expressions/value.ts';

const { workbook_elsewhere } = proxyActivities<WorkbookRegistryActivities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 5 },
});

/** What expressions see of other runs: looked up beforehand, where a workflow asks for it at all. */
export class Elsewheres {
  readonly #asks: boolean;
  seen: Elsewhere = { executions: [], tasks: [] };

  constructor(spec?: Dictionary) {
    this.#asks = spec !== undefined && asksIn(spec);
  }

  async refresh(run: Run): Promise<void> {
    if (!this.#asks) return;
    try {
      this.seen = await workbook_elsewhere({ execution_id: run.state.id });
    } catch (error) {
      if (isCancellation(error)) throw error;
      // What was seen before is better than no run at all.
    }
  }
}

function asksIn(value: Value): boolean {
  if (typeof value === 'string') return mentions(value, 'executions') || mentions(value, 'tasks');
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some((each: Value) => asksIn(each));
}
