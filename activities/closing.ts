import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { ExecutionOutput, ExecutionState } from '../workflows/types.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { readable } from './reading.ts';

export interface CloseInput {
  execution_id: string;
  state: ExecutionState;
  output: ExecutionOutput;
  /** Of a failure. Runs that were begun by an older version do not say these three. */
  code?: string | null;
  instance_id?: string | null;
  /** The workflow that a schedule ran in place of a backup: backups that it makes have ends of their own. */
  workflow?: string;
  /** Nobody is told of a failure. */
  quiet?: boolean;
  /** The workflow's time, ISO 8601. */
  at?: string;
}

export type ClosingActivities = ReturnType<typeof createClosingActivities>;

/** Failures that this process has told of: a log that cannot be closed is tried again, and tells once. */
const remembered = 1_000;
/** Milliseconds that a failure's alarm waits for a repository to say an instance's name. */
const patience = 2_000;

/** The end of every execution. */
export function createClosingActivities(deps: ActivityDeps) {
  const told = new Set<string>();
  /** Instances of which this process told a failure, until something of theirs succeeds. */
  const failing = new Set<string>();

  const subjectOf = async ({ instance_id, workflow }: CloseInput) =>
    workflow !== undefined && !instance_id ? `workflow ${workflow}` : nameOf(deps, instance_id ?? null);

  async function tell(input: CloseInput): Promise<void> {
    if (told.has(input.execution_id)) return;
    const { error, status } = input.output;
    await deps.alarms.raise({
      kind: 'failure',
      subject: await subjectOf(input),
      reason: `${status}: ${error ?? 'for no reason given'}`,
      cause: input.code ?? 'failed',
      executionId: input.execution_id,
      at: input.at ?? new Date().toISOString(),
    });
    if (input.instance_id) failing.add(input.instance_id);
    told.add(input.execution_id);
    if (told.size > remembered) told.delete(told.values().next().value as string);
  }

  /** At the first try only: a log that cannot be closed is tried again. */
  async function count(input: CloseInput): Promise<void> {
    const { attempt, workflowType } = Context.current().info;
    if (attempt !== 1) return;
    const instance = await subjectOf(input);
    const failed = input.state === 'ERROR';
    deps.events[failed ? 'error' : 'info'](`${input.output.status} (${workflowType})`, {
      execution_id: input.execution_id,
      workflow: workflowType,
      instance,
      state: input.state,
      ...(failed ? { code: input.code ?? 'failed', error: input.output.error } : {}),
    });
    if (workflowType !== 'backup_create' || input.workflow !== undefined) return;
    deps.metrics.backupEnded(instance, input.state, input.code ?? null);
  }

  /** A failure after a good run is news, even where the same was told a moment ago. */
  async function wellAgain(instanceId: string, workflow: string | undefined): Promise<void> {
    if (workflow === undefined) deps.freshlyBackedUp.add(instanceId);
    if (!failing.delete(instanceId)) return;
    await deps.alarms.forgive(await nameOf(deps, instanceId));
  }

  const activities = {
    /** Tells of a failure, writes the log's last line, and makes one object of the log's pieces. */
    async close_log(input: CloseInput): Promise<void> {
      // First: the store may be what failed.
      if (input.state === 'ERROR' && !input.quiet) await tell(input);
      if (input.state === 'SUCCESS' && input.instance_id) await wellAgain(input.instance_id, input.workflow);
      await count(input);
      const repository = await readable(deps);
      const log = repository.log(input.execution_id);
      log.append({
        time: new Date().toISOString(),
        level: input.state === 'ERROR' ? 'error' : 'info',
        step: 'execution',
        message: `ended ${input.state}`,
        output: input.output,
      });
      await log.flush();
      await repository.finishLog(input.execution_id);
    },
  };
  return withFailures(beating(['close_log'], activities));
}

/** The name of an instance, or its id where nobody knows better now. */
async function nameOf({ repository, instanceNames }: ActivityDeps, id: string | null): Promise<string> {
  if (id === null) return 'unknown';
  const known = instanceNames.get(id);
  if (known !== undefined) return known;
  const asked = repository.instance(id).then(
    ({ name }) => name,
    () => id,
  );
  const limit = new AbortController();
  const name = await Promise.race([asked, sleep(patience, id, { signal: limit.signal })]);
  limit.abort();
  if (name !== id) instanceNames.set(id, name);
  return name;
}
