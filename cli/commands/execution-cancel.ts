import { defineCommand } from '../command.ts';
import { execution } from '../parameters.ts';

export const command = defineCommand({
  name: 'execution-cancel',
  group: 'Executions',
  summary: 'Cancel a running execution',
  description: 'Its state is CANCELLED once it has cleaned up.',
  positionals: { execution },
  flags: { wait: { type: 'switch', describe: 'return once it has cleaned up' } },
  prints: 'nothing',
  examples: [
    [
      'backupctl execution-cancel 38ef2289-4330-4554-8574-4b5351f69713 --wait',
      'Return when nothing of it is left',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    await client.executionCancel(args.execution);
    if (args.wait) {
      await client.executionWait(args.execution, {
        signal: context.interrupted,
        onProgress: context.showProgress,
      });
      context.progress.clear();
    }
    if (context.output.format === 'table') return;
    await context.output.document(await client.executionShow(args.execution));
  },
});
