import { defineCommand } from '../command.ts';
import { execution } from '../parameters.ts';

export const command = defineCommand({
  name: 'execution-delete',
  group: 'Executions',
  summary: 'Delete an execution that has ended; its backup stays',
  description: 'It returns when the row has left `execution-list`.',
  positionals: { execution },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl execution-delete 3713355a-b65e-44e0-ac43-150b863a6e6e', 'It does not ask']],
  async run(args, context) {
    const client = await context.client();
    await client.executionDelete(args.execution, {
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
  },
});
