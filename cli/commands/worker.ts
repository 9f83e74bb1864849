import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { logFormat } from '../parameters.ts';

export const command = defineCommand({
  name: 'worker',
  group: 'Platform',
  summary: 'Run a worker for a Temporal cluster',
  description:
    'The cluster is named as for every Temporal tool: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TLS variables or a profile. Told to stop, it drains: dumps finish within the drain timeout of the configuration, or are handed back.',
  positionals: {},
  flags: {
    taskQueue: { type: 'text', value: 'QUEUE', describe: 'whose work it does', default: 'backupctl' },
    port: {
      type: 'integer',
      value: 'PORT',
      min: 0,
      max: 65535,
      describe: '/healthz, /readyz and /metrics',
      default: 'none',
    },
    ...logFormat,
  },
  prints: 'text',
  handlesInterrupt: 'always',
  examples: [
    ['TEMPORAL_ADDRESS=temporal:7233 backupctl worker --config /etc/backupctl.yaml', 'One of several'],
    ['backupctl worker --task-queue branch-office', 'For the instances whose task queue that is'],
  ],
  async run(args, context) {
    const { runWorker } = await import('../../worker/main.ts');
    await runWorker({
      dataDir: context.dataDir,
      configFile: context.configFile,
      taskQueue: args.taskQueue,
      port: args.port,
      logFormat: args.logFormat,
      print: (line) => context.output.text(line),
    });
    return context.interrupted.aborted ? exitCodes.interrupted.code : exitCodes.ok.code;
  },
});
