import { defineCommand } from '../command.ts';
import { execution } from '../parameters.ts';

export const command = defineCommand({
  name: 'execution-pause',
  group: 'Executions',
  summary: 'Pause a run of a workflow',
  description: 'What is running goes on to its end; nothing more is started before it is resumed.',
  positionals: { execution },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl execution-pause 38ef2289-4330-4554-8574-4b5351f69713', 'And its sub-workflows']],
  async run(args, context) {
    const client = await context.client();
    await client.executionPause(args.execution);
  },
});
