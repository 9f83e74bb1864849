import { defineCommand } from '../command.ts';
import { execution } from '../parameters.ts';

export const command = defineCommand({
  name: 'execution-logs',
  group: 'Executions',
  summary: 'Print what an execution wrote to its log',
  description: 'The log is kept in the repository: it outlives the history of Temporal.',
  positionals: { execution },
  flags: {
    offset: { type: 'integer', value: 'N', min: 0, describe: 'leave the first N lines out', default: '0' },
    follow: { type: 'switch', describe: 'go on until the execution ends' },
    json: { type: 'switch', describe: 'print each line as a JSON object' },
  },
  prints: 'text',
  examples: [
    ['backupctl execution-logs 38ef2289-4330-4554-8574-4b5351f69713 --follow', 'While it runs'],
    [
      'backupctl execution-logs 38ef2289-4330-4554-8574-4b5351f69713 --offset 100',
      'What came after the first hundred lines',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    const lines = client.executionLogs(args.execution, {
      offset: args.offset,
      follow: args.follow,
      signal: context.interrupted,
    });
    for await (const line of lines) context.output.logLine(line, args.json);
  },
});
