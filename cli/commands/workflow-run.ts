import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { dictionaryOf } from '../json-argument.ts';
import { wait, workflow } from '../parameters.ts';
import { runProperties } from '../views/workbook.ts';
import { printAtEnd } from '../workflow-waiting.ts';

export const command = defineCommand({
  name: 'workflow-run',
  group: 'Workbooks',
  summary: 'Start a run of a workflow',
  description:
    'A run that would be refused (input that is missing or unknown, no target, an expression that fails) is not started. With --wait it returns when the run is over or paused, and prints it with its tasks whatever became of it.',
  positionals: {
    workflow,
    input: {
      describe: `its input as an object of JSON, such as '{"name": "nightly"}', or @FILE (@- is standard input)`,
      optional: true,
    },
  },
  flags: {
    params: {
      type: 'text',
      value: 'JSON',
      describe:
        "an object: `env` (an environment for expressions), `evaluate_env`, `task_name` (a reverse workflow's target)",
    },
    description: { type: 'text', value: 'TEXT', describe: 'stands in the execution', allowEmpty: true },
    ...wait,
  },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [
    [
      `backupctl workflow-run trove.backup_create '{"instance": "orders", "name": "by-hand", "parent_id": null}' --wait`,
      'A backup by the workbook that came with OpenStack',
    ],
    [
      `backupctl workflow-run build.all --params '{"task_name": "deploy", "env": {"region": "eu"}}'`,
      'A reverse workflow up to the task that is named',
    ],
  ],
  async run(args, context) {
    const input = dictionaryOf(args.input, 'the input');
    const params = dictionaryOf(args.params, '--params');
    const client = await context.client();
    const { description } = args;
    const started = await client.workflowRun(args.workflow, { input, params, description });
    if (!args.wait) {
      await context.output.thing(started, runProperties(started));
      return exitCodes.ok.code;
    }
    return printAtEnd(started.id, context);
  },
});
