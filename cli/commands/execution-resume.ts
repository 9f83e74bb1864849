import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { dictionaryOf } from '../json-argument.ts';
import { env, execution, wait } from '../parameters.ts';
import { printAtEnd } from '../workflow-waiting.ts';

export const command = defineCommand({
  name: 'execution-resume',
  group: 'Executions',
  summary: 'Let a paused run of a workflow go on',
  positionals: { execution },
  flags: { ...env, ...wait },
  prints: 'nothing',
  handlesInterrupt: 'waiting',
  examples: [
    [
      `backupctl execution-resume 38ef2289-4330-4554-8574-4b5351f69713 --env '{"approved_by": "ada"}' --wait`,
      'Somebody has looked at it',
    ],
  ],
  async run(args, context) {
    const environment = dictionaryOf(args.env, '--env');
    const client = await context.client();
    await client.executionResume(args.execution, environment);
    return args.wait ? printAtEnd(args.execution, context) : exitCodes.ok.code;
  },
});
