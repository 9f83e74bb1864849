import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { startPlatform } from '../../test/servers/platform.ts';
import { time } from '../measure.ts';

/** A platform, and on its Temporal a worker of hand-written workflows; both with a server that answers at once. */
export interface Ring {
  /** Of that server. */
  readonly url: string;
  createWorkbook(name: string, text: string): Promise<void>;
  /** Seconds that a run of a workflow takes, from the request to the result. */
  ours(workflow: string, input: object): Promise<number>;
  handWritten(workflow: string, input: object): Promise<number>;
}

const peerQueue = 'hand-written';

export async function inRing<T>(body: (ring: Ring) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-bench-'));
  const config = join(directory, 'backupctl.yaml');
  writeFileSync(config, 'workbooks: { http: { allow: [127.0.0.1] } }\n');
  const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const platform = await startPlatform({ args: ['--config', config] });
  const address = `127.0.0.1:${platform.temporalPort}`;
  let connection: Connection | undefined;
  let peer: Awaited<ReturnType<typeof startPeer>> | undefined;
  try {
    peer = await startPeer(address, config);
    connection = await Connection.connect({ address });
    const client = new Client({ connection });
    const execute = async (type: string, taskQueue: string, workflowId: string, input: object) => {
      await client.workflow.execute(type, { taskQueue, workflowId, args: [input] });
    };
    return await body({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      createWorkbook: (name, text) =>
        execute('workbook_change', ourQueue, `bench-${randomUUID()}`, { name, text, mode: 'create' }),
      ours: (workflow, input) => {
        const execution_id = randomUUID();
        const run = { execution_id, workflow, input, params: {}, description: '' };
        return time(() => execute('workbook_run', ourQueue, `workbook/${execution_id}`, run));
      },
      handWritten: (workflow, input) =>
        time(() => execute(workflow, peerQueue, `bench-${randomUUID()}`, input)),
    });
  } finally {
    await connection?.close();
    await peer?.stop();
    await platform.stop();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const ourQueue = 'backupctl';

async function startPeer(address: string, config: string) {
  const program = join(import.meta.dirname, 'peer-worker.ts');
  const child = spawn(process.execPath, [program, address, peerQueue, config], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' },
  });
  const ended = once(child, 'close');
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => Promise.reject(new Error('the worker of the hand-written workflows ended'))),
  ]);
  return {
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
