import { defineCommand } from '../command.ts';
import { cronTrigger } from '../parameters.ts';

export const command = defineCommand({
  name: 'cron-trigger-delete',
  group: 'Schedules',
  summary: 'Delete a cron trigger; its executions stay',
  positionals: { trigger: cronTrigger },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl cron-trigger-delete nightly', 'It does not ask']],
  async run(args, context) {
    const client = await context.client();
    await client.cronTriggerDelete(args.trigger);
  },
});
