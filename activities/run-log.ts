import { Context } from '@temporalio/activity';
import type { Log } from '../engines/engine.ts';
import type { Repository } from '../repository/repository.ts';

export interface RunLog extends Log {
  /** Writes what is pending. A log that cannot be written does not fail the run. */
  close(): Promise<void>;
}

/** Lines of one attempt at one step, kept in the repository, so that they outlive Temporal's history. */
export function openRunLog(repository: Repository, executionId: string, step: string): RunLog {
  const writer = repository.log(executionId);
  const { info } = Context.current();
  // Whoever follows the log reads what is in the repository; and what is there survives a crash.
  const flusher = setInterval(() => writer.flush().catch(() => {}), 3_000);
  const line =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      writer.append({
        time: new Date().toISOString(),
        level,
        step,
        attempt: info.attempt,
        message,
        ...fields,
      });
  return {
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    close: () => {
      clearInterval(flusher);
      return writer.flush().catch(() => {});
    },
  };
}
