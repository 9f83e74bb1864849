import { defineCommand } from '../command.ts';
import { cronTrigger } from '../parameters.ts';
import { cronTriggerProperties } from '../views/cron-trigger.ts';

export const command = defineCommand({
  name: 'cron-trigger-show',
  group: 'Schedules',
  summary: 'Show a cron trigger',
  positionals: { trigger: cronTrigger },
  flags: {},
  prints: 'thing',
  examples: [['backupctl cron-trigger-show nightly', 'With the executions that are left']],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.cronTriggerShow(args.trigger);
    await context.output.thing(shown, cronTriggerProperties(shown));
  },
});
