import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { searchAttributes } from '../workflows/types.ts';
import { quoted } from './attributes.ts';
import type { TemporalLink } from './connection.ts';
import { checkLimit, cutPage } from './execution-pages.ts';
import { executionTypes, isClosed, toExecution } from './execution-record.ts';
import { isNotFound } from './grpc-errors.ts';
import type { InstanceNames } from './instance-names.ts';
import type { Schedules } from './schedules.ts';
import type { Surroundings } from './surroundings.ts';
import type {
  Execution,
  ExecutionDetails,
  LogLine,
  LogOptions,
  Page,
  PageOptions,
  WaitOptions,
} from './types.ts';
import { until } from './until.ts';

/** A run that went on in a new history is listed by that. */
const notContinued = `ExecutionStatus != 'ContinuedAsNew'`;

/** What a list returns where no limit is given. */
const DEFAULT_LIMIT = 100;

/** Executions: each is a run of a workflow, known by the id of its first run. */
export class Executions {
  readonly #surroundings: Surroundings;
  readonly #schedules: Schedules;
  readonly #instances: InstanceNames;

  constructor(surroundings: Surroundings, schedules: Schedules, instances: InstanceNames) {
    this.#surroundings = surroundings;
    this.#schedules = schedules;
    this.#instances = instances;
  }

  /** See {@link BackupClient.executionList}. */
  async list(schedule: string, options: PageOptions): Promise<Page<Execution>> {
    checkLimit(options.limit);
    const scheduleId = await this.#schedules.idOf(schedule);
    const query = `WorkflowType = 'backup_create' AND ${searchAttributes.schedule} = ${quoted(scheduleId)}`;
    const page = await this.#page(query, options, (marker) => {
      if (toExecution(marker).scheduleId === scheduleId) return;
      throw new BackupctlError('usage', `execution ${options.marker} is not one of schedule ${scheduleId}`, {
        hint: 'use an id that `backupctl execution-list` printed for this schedule as the marker',
      });
    });
    // A schedule that was deleted leaves its executions, which can still be listed; one that never was is an error.
    if (page.items.length === 0 && options.marker === undefined) await this.#schedules.show(scheduleId);
    return page;
  }

  /** See {@link BackupClient.executionListByInstance}. */
  async listByInstance(instanceName: string, options: PageOptions): Promise<Page<Execution>> {
    checkLimit(options.limit);
    const instance = await this.#instances.named(instanceName);
    const query = `WorkflowType = 'backup_create' AND ${searchAttributes.instance} = ${quoted(instance.id)}`;
    return this.#page(query, options, (marker) => {
      if (toExecution(marker).instanceId === instance.id) return;
      throw new BackupctlError(
        'usage',
        `execution ${options.marker} is not one of instance ${instanceName}`,
        {
          hint: 'use an id that `backupctl execution-list --instance` printed for this instance as the marker',
        },
      );
    });
  }

  /** See {@link BackupClient.workflowExecutionList}. */
  async listWorkflows(options: PageOptions): Promise<Page<Execution>> {
    checkLimit(options.limit);
    const query = `WorkflowType = 'workbook_run' AND ${notContinued}`;
    return this.#page(query, options, (marker) => {
      if (marker.type === 'workbook_run') return;
      throw new BackupctlError('usage', `execution ${options.marker} is none of a workflow`, {
        hint: 'use an id that `backupctl execution-list` printed as the marker',
      });
    });
  }

  /** See {@link BackupClient.executionDelete}. */
  async delete(given: string, options: WaitOptions = {}): Promise<void> {
    const row = await this.find(given);
    if (row.type === 'workbook_run') {
      const { deleteRun } = await import('./workflow-deletion.ts');
      const lookUp = (each: string) => this.#lookUp(each);
      return deleteRun(await this.#surroundings.temporal(), row, lookUp, options);
    }
    const { id, kind } = toExecution(row);
    const link = await this.#surroundings.temporal();
    // What a schedule runs in place of a backup is a run of its own below.
    const below = kind === 'workflow' ? await runsBelow(link, row) : [];
    const workflowExecution = { workflowId: row.workflowId, runId: row.runId };
    const running = await link.call(async ({ workflow }) => {
      try {
        return !isClosed(await workflow.getHandle(row.workflowId, row.runId).describe());
      } catch (error) {
        // Deleted by somebody else, and still listed.
        if (isNotFound(error)) return false;
        throw error;
      }
    });
    if (running) {
      throw new BackupctlError('refused', `execution ${id} is still running`, {
        hint: `cancel it first with \`backupctl execution-cancel ${id}\``,
      });
    }
    // A row that is not yet listed as closed when its run is deleted would stay for half a minute.
    await until(async () => isClosed(await this.find(id)), { ...options, timeout: 60_000 });
    await link.call(async ({ workflowService }) => {
      try {
        await workflowService.deleteWorkflowExecution({ namespace: link.namespace, workflowExecution });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    });
    for (const each of below) await this.delete(toExecution(each).id, options);
    await until(async () => (await this.#lookUp(id)) === null, {
      ...options,
      timeout: 120_000,
      what: 'the list to leave it out',
    });
  }

  /** See {@link BackupClient.executions}. */
  async *all(schedule: string): AsyncGenerator<Execution, void, void> {
    const scheduleId = await this.#schedules.idOf(schedule);
    let marker: string | undefined;
    do {
      const page: Page<Execution> = await this.list(scheduleId, { marker });
      yield* page.items.toReversed();
      marker = page.nextMarker ?? undefined;
    } while (marker !== undefined);
  }

  /** See {@link BackupClient.executionShow}. */
  async show(id: string): Promise<ExecutionDetails> {
    const row = await this.find(id);
    if (row.type === 'workbook_run') {
      const { readRun } = await import('./workflow-view.ts');
      const workflow = await readRun(await this.#surroundings.temporal(), row);
      return { ...toExecution(row), steps: [], workflow };
    }
    const { readSteps } = await import('./execution-steps.ts');
    const steps = await readSteps(await this.#surroundings.temporal(), row);
    return { ...(await this.#withResult(row)), steps };
  }

  /** See {@link BackupClient.executionCancel}. */
  async cancel(id: string): Promise<void> {
    const row = await this.find(id);
    if (isClosed(row)) throw isOver(id, row);
    const link = await this.#surroundings.temporal();
    await link.call(async ({ workflow }) => {
      try {
        await workflow.getHandle(row.workflowId, row.runId).cancel();
      } catch (error) {
        // It ended in this very moment.
        if (isNotFound(error)) throw isOver(id, row);
        throw error;
      }
    });
  }

  /** See {@link BackupClient.executionWait}. */
  async wait(id: string, options: WaitOptions): Promise<Execution> {
    const row = await this.find(id);
    if (row.type === 'workbook_run') return this.#waitForWorkflow(row, options);
    const { awaitEnd } = await import('./execution-waiting.ts');
    await awaitEnd(await this.#surroundings.temporal(), row, options);
    let closed = row;
    await until(
      async () => {
        closed = await this.find(id);
        return isClosed(closed);
      },
      { signal: options.signal },
    );
    return this.#withResult(closed);
  }

  /** Until it is over or paused, and the list shows that. */
  async #waitForWorkflow(row: WorkflowExecutionInfo, options: WaitOptions): Promise<Execution> {
    const { awaitPauseOrEnd } = await import('./workflow-waiting.ts');
    await awaitPauseOrEnd(await this.#surroundings.temporal(), row.workflowId, options);
    let shown = toExecution(row);
    await until(
      async () => {
        shown = toExecution(await this.find(shown.id));
        return shown.state !== 'RUNNING';
      },
      { signal: options.signal },
    );
    return shown;
  }

  /** See {@link BackupClient.executionLogs}. */
  async *logs(id: string, options: LogOptions): AsyncGenerator<LogLine, void, void> {
    if (!(await this.#isOfBackups(id))) {
      const row = await this.find(id);
      const { readStates } = await import('./workflow-history.ts');
      yield* readStates(await this.#surroundings.temporal(), row, options);
      return;
    }
    const { readLogLines } = await import('./execution-logs.ts');
    let lines = 0;
    for await (const line of readLogLines(this.#surroundings, id, options, () => this.#isOver(id))) {
      lines += 1;
      yield line;
    }
    // An execution that wrote nothing, or nothing more, is in order; one that never was is an error.
    if (lines === 0 && !options.offset) await this.find(id);
  }

  /** Logs are read without Temporal; only where there is none, it may be asked whose execution that is. */
  async #isOfBackups(id: string): Promise<boolean> {
    const { repository } = await this.#surroundings.reading();
    if ((await repository.readLog(id, { offset: 0 })).lines.length > 0) return true;
    const row = await this.#lookUp(id).catch(() => null);
    return row?.type !== 'workbook_run';
  }

  /**
   * The row of an execution.
   * @param id in whole, or so much of the id of a run of a workflow that no other begins with it
   * @throws BackupctlError not-found, ambiguous
   */
  async find(id: string): Promise<WorkflowExecutionInfo> {
    const row = (await this.#lookUp(id)) ?? (await this.#lookUpBeginning(id));
    if (row === null) {
      throw new BackupctlError('not-found', `there is no execution ${id}`, {
        hint: '`backupctl execution-list SCHEDULE` shows the ids of those that exist',
      });
    }
    return row;
  }

  /** A run that leaves no memo (the janitor's) has its output in its result. */
  async #withResult(row: WorkflowExecutionInfo): Promise<Execution> {
    const execution = toExecution(row);
    if (execution.state !== 'SUCCESS' || execution.output !== null) return execution;
    const link = await this.#surroundings.temporal();
    const result: unknown = await link.call(({ workflow }) =>
      workflow.getHandle(row.workflowId, row.runId).result(),
    );
    return { ...execution, output: { status: 'Complete', ...(result as object | null) } };
  }

  async #isOver(id: string): Promise<boolean> {
    const row = await this.#lookUp(id);
    return row === null || isClosed(row);
  }

  async #lookUp(id: string): Promise<WorkflowExecutionInfo | null> {
    const link = await this.#surroundings.temporal();
    const types = executionTypes.map(quoted).join(', ');
    // The run id finds one that has only just begun, and could not name itself yet.
    const query = `WorkflowType IN (${types}) AND ${notContinued} AND (RunId = ${quoted(id)} OR ${searchAttributes.execution} = ${quoted(id)})`;
    return link.call(async ({ workflow }) => {
      for await (const row of workflow.list({ query, pageSize: 2 })) return row;
      return null;
    });
  }

  async #lookUpBeginning(id: string): Promise<WorkflowExecutionInfo | null> {
    if (!/^[0-9a-f][0-9a-f-]{7,34}$/.test(id)) return null;
    const link = await this.#surroundings.temporal();
    const query = `WorkflowType = 'workbook_run' AND ${notContinued} AND ${searchAttributes.execution} STARTS_WITH ${quoted(id)}`;
    const rows = await link.call(async ({ workflow }) => {
      const found = new Map<string, WorkflowExecutionInfo>();
      for await (const row of workflow.list({ query, pageSize: 10 })) {
        const { id } = toExecution(row);
        if (!found.has(id)) found.set(id, row);
        if (found.size === 10) break;
      }
      return found;
    });
    if (rows.size > 1) {
      throw new BackupctlError(
        'ambiguous',
        `${id} begins the ids of several executions: ${[...rows.keys()].join(', ')}`,
        {
          hint: 'write more of the one that is meant',
        },
      );
    }
    return rows.values().next().value ?? null;
  }

  async #page(
    query: string,
    { marker, limit = DEFAULT_LIMIT }: PageOptions,
    checkMarker: (marker: WorkflowExecutionInfo) => void,
  ): Promise<Page<Execution>> {
    const after = marker === undefined ? null : await this.find(marker);
    if (after !== null) checkMarker(after);
    const link = await this.#surroundings.temporal();
    const { rows, more } = await cutPage(link, { query, limit, after });
    const items = rows.map(toExecution).reverse();
    return { items, nextMarker: more ? (items[0]?.id ?? null) : null };
  }
}

/** Runs of workflows that a run has started. */
export async function runsBelow(
  link: TemporalLink,
  { workflowId }: WorkflowExecutionInfo,
): Promise<WorkflowExecutionInfo[]> {
  const query = `WorkflowType = 'workbook_run' AND ${notContinued} AND ParentWorkflowId = ${quoted(workflowId)}`;
  return link.call(async ({ workflow }) => {
    const rows: WorkflowExecutionInfo[] = [];
    for await (const row of workflow.list({ query })) rows.push(row);
    return rows;
  });
}

function isOver(id: string, row: WorkflowExecutionInfo): BackupctlError {
  const { state } = toExecution(row);
  return new BackupctlError(
    'conflict',
    `execution ${id} is over already${state === 'RUNNING' ? '' : ` (${state})`}`,
  );
}
