import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporalLink } from '../../client/connection.ts';
import { Surroundings } from '../../client/surroundings.ts';
import type { Dictionary, Value } from '../../workbooks/expressions/value.ts';
import {
  messages,
  type WorkbookRunInput,
  type WorkbookView,
  workbookRun,
  workbookRunId,
} from '../../workflows/workbooks/types.ts';
import type { Platform } from '../servers/platform.ts';
import { cliEnvironment } from '../servers/workspace.ts';

export type ViewedTask = WorkbookView['tasks'][number];

/** Runs of workflows on a platform, told and asked by what the driver itself understands. */
export class WorkbookRuns {
  readonly #platform: Platform;
  readonly taskQueue = 'backupctl';
  #surroundings: Surroundings | undefined;
  readonly #former: Surroundings[] = [];
  /** Milliseconds until a platform that is away has to be there again. */
  readonly #patience: number;

  constructor(platform: Platform, { patience = 60_000 } = {}) {
    this.#platform = platform;
    this.#patience = patience;
  }

  async close(): Promise<void> {
    const all = [...this.#former, ...(this.#surroundings === undefined ? [] : [this.#surroundings])];
    this.#surroundings = undefined;
    this.#former.length = 0;
    await Promise.all(all.map((each) => each.close().catch(() => undefined)));
  }

  /** A platform that was started again has another port. */
  #forget(used: Surroundings | undefined): void {
    if (used === undefined || used !== this.#surroundings) return;
    this.#surroundings = undefined;
    // Others use it still, and will see that nobody answers.
    this.#former.push(used);
  }

  link(): Promise<TemporalLink> {
    this.#surroundings ??= new Surroundings({
      dataDir: this.#platform.dataDir,
      env: cliEnvironment(),
      cwd: this.#platform.dataDir,
    });
    return this.#surroundings.temporal();
  }

  /** Does something with Temporal, again where it was away meanwhile. */
  async #insist<T>(what: (link: TemporalLink) => Promise<T>): Promise<T> {
    const until = performance.now() + this.#patience;
    for (;;) {
      const used = this.#surroundings;
      try {
        return await what(await this.link());
      } catch (error) {
        if (performance.now() > until || !isAway(error)) throw error;
      }
      await sleep(200);
      this.#forget(used);
    }
  }

  /** Creates a workbook, or another revision of it. */
  async create(name: string, text: string): Promise<void> {
    const workflowId = `workbook-change/${name}/${randomUUID()}`;
    const options = { taskQueue: this.taskQueue, workflowId, args: [{ name, text, mode: 'update' }] };
    await this.#insist(({ client }) => client.workflow.execute('workbook_change', options));
  }

  /** Starts a run. @returns its execution id */
  async start(
    workflow: string,
    input: Dictionary = {},
    more: Partial<WorkbookRunInput> = {},
  ): Promise<string> {
    const id = randomUUID();
    const args: [WorkbookRunInput] = [
      { execution_id: id, workflow, input, params: {}, description: '', ...more },
    ];
    const options = { taskQueue: this.taskQueue, workflowId: workbookRunId(id), args };
    await this.#insist(async ({ client }) => {
      try {
        await client.workflow.start(workbookRun, options);
      } catch (error) {
        if ((error as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
      }
    });
    return id;
  }

  /** Waits until a run is paused or over, whatever history it goes on in. @returns its state */
  async wait(id: string): Promise<string> {
    for (;;) {
      try {
        return await this.#insist(({ client }) =>
          client.workflow.getHandle(workbookRunId(id)).executeUpdate<string, []>(messages.wait),
        );
      } catch (error) {
        const { status } = await this.describe(id);
        if (status.name !== 'RUNNING') return (await this.view(id))?.state ?? status.name;
        if (!/Update|NotFound|not found/i.test(`${(error as Error).name} ${(error as Error).message}`))
          throw error;
      }
      await sleep(50);
    }
  }

  /** Waits until Temporal has closed the run. */
  async closed(id: string): Promise<string> {
    for (;;) {
      const { status } = await this.describe(id);
      if (status.name !== 'RUNNING') return status.name;
      await sleep(100);
    }
  }

  describe(id: string) {
    return this.#insist(({ client }) => client.workflow.getHandle(workbookRunId(id)).describe());
  }

  view(id: string): Promise<WorkbookView | null> {
    return this.#insist(({ client }) =>
      client.workflow.getHandle(workbookRunId(id)).query<WorkbookView | null>(messages.view),
    );
  }

  /** @throws what the run says to it */
  tell(id: string, message: string, ...args: Value[]): Promise<unknown> {
    return this.#insist(({ client }) =>
      client.workflow
        .getHandle(workbookRunId(id))
        .executeUpdate<unknown, [unknown]>(message, { args: args as [unknown] }),
    );
  }

  async cancel(id: string): Promise<void> {
    await this.#insist(({ client }) => client.workflow.getHandle(workbookRunId(id)).cancel());
  }

  /** Executions of Temporal's that are open, by their workflow ids. */
  async open(): Promise<string[]> {
    return this.#insist(async ({ client }) => {
      const found: string[] = [];
      const query = `WorkflowType = '${workbookRun}' AND ExecutionStatus = 'Running'`;
      for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId);
      return found;
    });
  }

  /** Cancels what is open, such as what is paused. @returns what is open all the same, after a minute */
  async openAfterCancel(): Promise<string[]> {
    const end = performance.now() + 60_000;
    for (const workflowId of await this.open()) {
      await this.cancel(workflowId.slice(workbookRunId('').length)).catch(() => undefined);
    }
    for (;;) {
      const open = await this.open();
      if (open.length === 0 || performance.now() > end) return open;
      await sleep(200);
    }
  }

  /** The newest task of a name, by its path through sub-workflows: `outer/inner#1`. */
  async task(id: string, path: string): Promise<{ run: WorkbookView; task: ViewedTask } | undefined> {
    let run = await this.view(id);
    const parts = path.split('/');
    for (const [position, part] of parts.entries()) {
      const [name = '', number] = part.split('#');
      const named = (run?.tasks ?? []).filter((task) => task.name === name);
      const task = number ? named[Number(number)] : named.at(-1);
      if (run === null || task === undefined) return undefined;
      if (position === parts.length - 1) return { run, task };
      const child = task.executions.findLast(({ kind }) => kind === 'workflow');
      if (child === undefined) return undefined;
      run = await this.view(child.id).catch(() => null);
    }
    return undefined;
  }
}

/** Whether nobody was there, rather than somebody who refused. */
function isAway(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as { code?: unknown };
    // Of gRPC: CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE; of ours: unavailable.
    if (code === 1 || code === 4 || code === 14 || code === 'unavailable' || code === 'ECONNREFUSED')
      return true;
    if (each.name === 'QueryNotRegisteredError') return true;
  }
  return /no worker|unavailable|UNAVAILABLE|ECONNREFUSED|channel has been (shut down|closed)/.test(
    String(error),
  );
}
