import { BackupctlError } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { dictionaryOf } from '../json-argument.ts';
import { env, execution, wait } from '../parameters.ts';
import { printAtEnd } from '../workflow-waiting.ts';

export const command = defineCommand({
  name: 'execution-rerun',
  group: 'Executions',
  summary: 'Run a failed task of a workflow again, and go on from there',
  description:
    'The execution keeps its id, and what its other tasks have done. A task of a sub-workflow takes the runs above it along.',
  positionals: { execution },
  flags: {
    task: {
      type: 'text',
      value: 'TASK',
      required: true,
      describe: 'its name, or its id; it has to be in ERROR',
    },
    reset: { type: 'switch', describe: 'all items of a task that has several, not the failed ones alone' },
    skip: { type: 'switch', describe: 'pass it over: `on-skip` follows, and `publish-on-skip`' },
    ...env,
    ...wait,
  },
  prints: 'nothing',
  handlesInterrupt: 'waiting',
  examples: [
    [
      'backupctl execution-rerun 38ef2289-4330-4554-8574-4b5351f69713 --task upload --wait',
      'The disk has room again',
    ],
    [
      'backupctl execution-rerun 38ef2289-4330-4554-8574-4b5351f69713 --task notify --skip',
      'Nobody needs it',
    ],
  ],
  async run(args, context) {
    if (args.reset && args.skip) {
      throw new BackupctlError('usage', '--reset and --skip are both given (execution-rerun)', {
        hint: 'a task that is passed over has nothing to be reset',
      });
    }
    const { task, reset, skip } = args;
    const environment = dictionaryOf(args.env, '--env');
    const client = await context.client();
    await client.executionRerun(args.execution, { task, reset, skip, env: environment });
    return args.wait ? printAtEnd(args.execution, context) : exitCodes.ok.code;
  },
});
