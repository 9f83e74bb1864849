import { defineCommand } from '../command.ts';
import { wait } from '../parameters.ts';
import { printExecution } from '../waiting.ts';

export const command = defineCommand({
  name: 'janitor-run',
  group: 'Platform',
  summary: 'Remove now what crashed runs have left behind',
  description:
    'It touches only what names a closed execution of this platform. By itself it runs every hour.',
  positionals: {},
  flags: {
    grace: {
      type: 'duration',
      value: 'TIME',
      min: 0,
      describe: 'leave alone what is younger',
      default: '1h',
    },
    ...wait,
  },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [['backupctl janitor-run --grace 0 --wait', 'Everything, at once']],
  async run(args, context) {
    const client = await context.client();
    const started = await client.janitorRun({ grace: args.grace });
    return printExecution(started, args.wait, context);
  },
});
