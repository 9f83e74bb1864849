import { workflowInfo } from '@temporalio/workflow';

/** When a history is so long that the run goes on in a new one. */
export interface HistoryLimits {
  /** Events after which it does so once nothing is under way. */
  readonly long: number;
  /** Events after which nothing more is started before that. */
  readonly full: number;
}

/** Temporal ends a workflow at 51,200 events. */
const defaults: HistoryLimits = { long: 8_000, full: 20_000 };
/** Bytes after which nothing more is started; Temporal ends a workflow at 50 MB, and what is under way comes on top. */
const fullSize = 16 * 1024 * 1024;

/** How much room is left in the history of this workflow. */
export function historyRoom(limits: HistoryLimits = defaults): { isLong: boolean; isFull: boolean } {
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return {
    isLong: continueAsNewSuggested || historyLength > limits.long,
    isFull: historyLength > limits.full || historySize > fullSize,
  };
}
