import type { ExecutionOutput, ExecutionState } from '../workflows/types.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';

export type ClosingActivities = ReturnType<typeof createClosingActivities>;

/** The end of every execution. */
export function createClosingActivities(deps: ActivityDeps) {
  const activities = {
    /** Writes the last line, and makes one object of the log's pieces. */
    async close_log(input: {
      execution_id: string;
      state: ExecutionState;
      output: ExecutionOutput;
    }): Promise<void> {
      const log = deps.repository.log(input.execution_id);
      log.append({
        time: new Date().toISOString(),
        level: input.state === 'ERROR' ? 'error' : 'info',
        step: 'execution',
        message: `ended ${input.state}`,
        output: input.output,
      });
      await log.flush();
      await deps.repository.finishLog(input.execution_id);
    },
  };
  return withFailures(beating(['close_log'], activities));
}
