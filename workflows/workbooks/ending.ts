import type { RunState } from '../../workbooks/engine/state.ts';
import type { WorkbookEnd } from './types.ts';

/** What a run ended with; undefined as long as it has not. */
export function endOf({ state, stateInfo, output }: RunState): WorkbookEnd | undefined {
  if (state !== 'SUCCESS' && state !== 'ERROR' && state !== 'CANCELLED') return undefined;
  return { state, state_info: stateInfo, output };
}

/** What a run ends with that could not begin. */
export function endOfRefused(error: unknown): WorkbookEnd {
  const reason = error instanceof Error ? wordsOf(error) : String(error);
  return { state: 'ERROR', state_info: reason, output: { result: reason } };
}

/** Whether a sub-workflow has not ended. */
export function hasOpenChildren({ tasks }: RunState): boolean {
  return tasks.some(({ executions }) =>
    executions.some(({ kind, state }) => kind === 'workflow' && (state === 'RUNNING' || state === 'PAUSED')),
  );
}

/** The innermost words of what Temporal wraps. */
function wordsOf(error: Error): string {
  return error.cause instanceof Error ? wordsOf(error.cause) : error.message;
}
