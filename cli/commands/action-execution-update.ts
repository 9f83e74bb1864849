import { defineCommand } from '../command.ts';
import { jsonArgument } from '../json-argument.ts';

export const command = defineCommand({
  name: 'action-execution-update',
  group: 'Executions',
  summary: 'Say what became of an asynchronous action',
  description:
    'For `std.async_noop` and `std.mistral_http`, whose work is done by somebody else. `task-show` shows the ids.',
  positionals: { id: { describe: "action execution's id" } },
  flags: {
    state: {
      type: 'choice',
      choices: ['SUCCESS', 'ERROR', 'CANCELLED', 'PAUSED', 'RUNNING'],
      required: true,
      describe:
        'SUCCESS, ERROR and CANCELLED end it, PAUSED and RUNNING pause it and its run, and let them go on',
    },
    output: { type: 'text', value: 'JSON', describe: 'its result, or what its error says' },
    execution: {
      type: 'text',
      value: 'EXECUTION',
      describe: 'the run that it belongs to; without it, those that are under way are looked through',
    },
  },
  prints: 'nothing',
  examples: [
    [
      `backupctl action-execution-update 3713355a-b65e-44e0-ac43-150b863a6e6e --state SUCCESS --output '{"ok": true}'`,
      'The run goes on with that',
    ],
  ],
  async run(args, context) {
    const output = args.output === undefined ? null : jsonArgument(args.output, '--output');
    const { state, execution } = args;
    const client = await context.client();
    // Required flags are there; the types of choices do not say so.
    await client.actionExecutionUpdate(args.id, { state: state ?? 'SUCCESS', output, execution });
  },
});
