import { defineCommand } from '../command.ts';
import { instantOf } from '../instant.ts';
import { dictionaryOf } from '../json-argument.ts';
import { cronTriggerProperties } from '../views/cron-trigger.ts';

export const command = defineCommand({
  name: 'cron-trigger-create',
  group: 'Schedules',
  summary: 'Run a workflow whenever a cron pattern fires, or once at a time',
  description:
    'As in Mistral: executions do not mind each other, and a trigger goes away with its last one. schedule-create --workflow has overlap policies, zones and rows besides.',
  positionals: {
    name: { describe: 'name of the trigger, which no other has' },
    workflow: { describe: 'workflow, as WORKBOOK.WORKFLOW' },
    input: { describe: 'what the workflow takes: a JSON object', optional: true },
  },
  flags: {
    pattern: { type: 'text', value: 'PATTERN', describe: 'five cron fields, in quotes, in UTC' },
    firstTime: {
      type: 'text',
      value: 'TIME',
      describe:
        'the first execution, such as "2026-12-24 18:00" (UTC); then by the pattern, or not again where there is none',
    },
    count: {
      type: 'integer',
      value: 'N',
      min: 1,
      describe: 'how many executions there are; then the trigger goes away',
    },
    params: { type: 'text', value: 'JSON', describe: 'its `env`, `task_name` and the like: an object' },
  },
  prints: 'thing',
  examples: [
    [
      `backupctl cron-trigger-create nightly trove.backup_create '{"instance": "orders", "name": "nightly", "description": null, "parent_id": null}' --pattern "30 2 * * *"`,
      'Every night',
    ],
    [
      'backupctl cron-trigger-create once drill.weekly --first-time "2026-12-24 18:00"',
      'Once, and then the trigger is gone',
    ],
  ],
  async run(args, context) {
    const options = {
      pattern: args.pattern,
      firstExecutionTime:
        args.firstTime === undefined ? undefined : instantOf(args.firstTime, '--first-time'),
      count: args.count,
      input: dictionaryOf(args.input, 'the input'),
      params: dictionaryOf(args.params, '--params'),
    };
    const client = await context.client();
    const created = await client.cronTriggerCreate(args.name, args.workflow, options);
    await context.output.thing(created, cronTriggerProperties(created));
  },
});
