import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { findProgram } from './cache.ts';
import { PortedServer } from './ported-server.ts';
import { ServerProcess } from './process.ts';

export interface TemporalServer {
  /** `127.0.0.1:PORT`. */
  address: string;
  port: number;
  namespace: string;
  logFile: string;
  readonly pid: number;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** Ends the server (if it runs) and starts it again on the same port and database. */
  restart(): Promise<void>;
}

/** Words that `backupctl up` passes too: deletions are seen at once, and many actions may end at once. */
const dynamicConfiguration = [
  'history.visibilityProcessorEnsureCloseBeforeDelete=false',
  'history.transferProcessorEnsureCloseBeforeDelete=false',
  'history.maximumBufferedEventsBatch=1000',
];

/** Starts Temporal's development server without its page, on free ports and a database of its own. */
export async function startTemporal(): Promise<TemporalServer> {
  const program = findProgram('temporal');
  const base = mkdtempSync(join(tmpdir(), 'backupctl-test-temporal-'));
  const logFile = join(base, 'server.log');
  const start = (port: number) =>
    ServerProcess.start({
      command: program,
      args: [
        ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)],
        ...['--db-filename', join(base, 'temporal.db'), '--log-level', 'error'],
        ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=OFF'],
        ...dynamicConfiguration.flatMap((entry) => ['--dynamic-config-value', entry]),
      ],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: base },
      cwd: base,
      logFile,
    });
  const answers = async (port: number) => {
    const connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 1000 });
    try {
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.workflowService.listWorkflowExecutions({ namespace: 'default', pageSize: 1 });
    } finally {
      await connection.close();
    }
  };
  let server: PortedServer;
  try {
    server = await PortedServer.start({ name: 'Temporal', start, answers, timeout: 60_000 });
  } catch (error) {
    await rm(base, { recursive: true, force: true });
    throw error;
  }

  return {
    address: `127.0.0.1:${server.port}`,
    port: server.port,
    namespace: 'default',
    logFile,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      await server.stop();
      await rm(base, { recursive: true, force: true });
    },
    kill9: () => server.kill9(),
    restart: () => server.restart(),
  };
}
