import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { logFormat } from '../parameters.ts';

export const command = defineCommand({
  name: 'up',
  group: 'Platform',
  summary: 'Run the platform here: Temporal, its web page, one worker, health and metrics',
  description:
    'Everything lives in one data directory, and is bound to 127.0.0.1. The first start makes repository and keys. SIGTERM and Ctrl-C end it cleanly; runs that it interrupts go on at the next start.',
  positionals: {},
  flags: {
    port: {
      type: 'integer',
      value: 'PORT',
      min: 0,
      max: 65535,
      describe: '/healthz, /readyz and /metrics',
      default: 'a free one',
    },
    temporalPort: {
      type: 'integer',
      value: 'PORT',
      min: 0,
      max: 65535,
      describe: "Temporal's own",
      default: 'a free one',
    },
    uiPort: {
      type: 'integer',
      value: 'PORT',
      min: 0,
      max: 65535,
      describe: "Temporal's web page",
      default: 'a free one',
    },
    readyFile: { type: 'file', value: 'FILE', describe: 'written once everything answers' },
    ...logFormat,
  },
  prints: 'text',
  handlesInterrupt: 'always',
  examples: [
    [
      'backupctl up --data-dir /srv/backupctl',
      'Then, elsewhere: BACKUPCTL_DATA_DIR=/srv/backupctl backupctl status',
    ],
  ],
  async run(args, context) {
    const { runPlatform } = await import('../../worker/platform.ts');
    const { dataDir } = await context.config();
    await runPlatform({
      dataDir,
      configFile: context.configFile,
      port: args.port,
      temporalPort: args.temporalPort,
      uiPort: args.uiPort,
      readyFile: args.readyFile,
      env: process.env,
      cwd: process.cwd(),
      logFormat: args.logFormat,
      print: (line) => context.output.text(line),
    });
    return context.interrupted.aborted ? exitCodes.interrupted.code : exitCodes.ok.code;
  },
});
