import type { RunContext, Target } from '../engine.ts';
import { FillWatch } from '../process/fill-watch.ts';
import { applicationName, withConnection } from './connection.ts';

/** Whether the server works for us by itself: a session that waits for our next words does not. */
const query = `SELECT EXISTS (
  SELECT 1 FROM pg_catalog.pg_stat_activity
  WHERE application_name = $1 AND datname = $2 AND state = 'active' AND wait_event IS DISTINCT FROM 'ClientRead'
    AND backend_type IN ('client backend', 'parallel worker')) AS busy`;

/** Watches a database that is being filled. */
export function watchFilling(target: Target, database: string, run: RunContext): FillWatch {
  return new FillWatch(database, run, ({ executionId, signal }) =>
    withConnection(target, { executionId, signal }, async (client) => {
      const { rows } = await client.query<{ busy: boolean }>(query, [applicationName(executionId), database]);
      return rows[0]?.busy === true;
    }),
  );
}
