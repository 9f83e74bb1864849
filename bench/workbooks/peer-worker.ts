import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createWorkbookActivities } from '../../activities/workbooks/action-run.ts';
import { loadConfig } from '../../config/load.ts';

// The worker of the hand-written workflows, in a process of its own as ours is, with the settings of ours. Arguments:
// Temporal's address, a task queue, a configuration file. Says `ready`, and ends when its input does.
const [address = '', taskQueue = '', configFile = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('ERROR') });
const config = await loadConfig({ configFile, env: {}, cwd: process.cwd() });
const connection = await NativeConnection.connect({ address });
const refused = () => Promise.reject(new Error('not here'));
const worker = await Worker.create({
  connection,
  namespace: 'default',
  taskQueue,
  workflowBundle: await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, 'hand-written.ts'),
    logger: new DefaultLogger('ERROR'),
  }),
  activities: createWorkbookActivities({
    config,
    events: { info: () => {}, warn: () => {}, error: () => {} },
    callClient: refused,
    checkDirectoryAllowed: refused,
    checkFileAllowed: refused,
    ownText: refused,
  }),
  maxConcurrentActivityTaskPolls: 2,
  maxConcurrentWorkflowTaskPolls: 2,
  maxHeartbeatThrottleInterval: '2 seconds',
  defaultHeartbeatThrottleInterval: '2 seconds',
  maxCachedWorkflows: 50,
  reuseV8Context: true,
  maxConcurrentActivityTaskExecutions: 1000,
});
process.stdin.on('end', () => worker.getState() === 'RUNNING' && worker.shutdown()).resume();
const running = worker.run();
process.stdout.write('ready\n');
await running;
await connection.close();
