import { Client, Connection } from '@temporalio/client';
import { executionTypes, toExecution } from '../../client/execution-record.ts';
import type { Execution } from '../../client/types.ts';
import type { World } from './world.ts';

/** Types of workflow that work for nobody in particular: one may be running at any time. */
const housekeeping = new Set(['reconcile']);

export interface History {
  /** Executions that began after an instant. */
  executions: Execution[];
  /** Workflows that run on behalf of somebody, child workflows too: `backup_run backup/…/data`. */
  running: string[];
}

/** Asks Temporal without the product. */
export class Historian {
  readonly #world: World;
  #connection: Connection | null = null;
  #address = '';

  constructor(world: World) {
    this.#world = world;
  }

  /** What began since an instant, and what runs. @throws where it does not answer */
  async since(instant: Date): Promise<History> {
    const client = new Client({ connection: await this.#connected() });
    const executions: Execution[] = [];
    const running: string[] = [];
    for await (const row of client.workflow.list({ pageSize: 60 })) {
      const isRunning = row.status.name === 'RUNNING';
      const isSystem = housekeeping.has(row.type) || /^(temporal-sys-|backupctl-)/.test(row.workflowId);
      if (isRunning && !isSystem) running.push(`${row.type} ${row.workflowId}`);
      // Those that run come first, then the others, the last closed first.
      if (row.closeTime !== undefined && row.closeTime < instant) break;
      if (row.startTime >= instant && executionTypes.includes(row.type) && !isSystem) {
        executions.push(toExecution(row));
      }
    }
    return { executions, running };
  }

  async close(): Promise<void> {
    await this.#connection?.close();
    this.#connection = null;
  }

  async #connected(): Promise<Connection> {
    const address = `127.0.0.1:${this.#world.platform.temporalPort}`;
    if (this.#connection !== null && this.#address === address) return this.#connection;
    await this.close();
    this.#connection = await Connection.connect({ address, connectTimeout: 3000 });
    this.#address = address;
    return this.#connection;
  }
}
