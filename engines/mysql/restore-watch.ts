import type { RunContext, Target } from '../engine.ts';
import { FillWatch } from '../process/fill-watch.ts';
import { withSession } from './connection.ts';
import { readMark } from './restore-marks.ts';

/** Watches a database that is being filled. */
export function watchFilling(target: Target, database: string, run: RunContext): FillWatch {
  return new FillWatch(database, run, ({ executionId, signal }) =>
    withSession(target, { executionId, signal }, async (session) => {
      const id = (await readMark(session, database))?.session ?? '';
      const n = await session.value<number>(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ? AND COMMAND <> 'Sleep'",
        [Number(id)],
      );
      return Number(n) > 0;
    }),
  );
}
