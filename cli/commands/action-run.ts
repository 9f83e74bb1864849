import { defineCommand } from '../command.ts';
import { dictionaryOf } from '../json-argument.ts';
import { action } from '../parameters.ts';

export const command = defineCommand({
  name: 'action-run',
  group: 'Workbooks',
  summary: 'Run one action outside of any workflow',
  description: 'It prints `{"result": …}`. Ctrl-C ends the waiting, not the action.',
  positionals: {
    action,
    input: { describe: 'its input as an object of JSON, such as \'{"output": "hello"}\'', optional: true },
  },
  flags: {},
  prints: 'nothing',
  examples: [
    [`backupctl action-run std.echo '{"output": "hello"}'`, 'To try it'],
    [`backupctl action-run std.http '{"url": "https://example.com/health"}'`, 'What a worker can reach'],
  ],
  async run(args, context) {
    const input = dictionaryOf(args.input, 'the input');
    const client = await context.client();
    await context.output.data({ result: await client.actionRun(args.action, input) });
  },
});
