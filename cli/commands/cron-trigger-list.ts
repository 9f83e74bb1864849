import { defineCommand } from '../command.ts';
import { cronTriggerColumns } from '../views/cron-trigger.ts';

export const command = defineCommand({
  name: 'cron-trigger-list',
  group: 'Schedules',
  summary: 'List the cron triggers, the oldest first',
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [['backupctl cron-trigger-list', 'Those that have executions left']],
  async run(_args, context) {
    const client = await context.client();
    await context.output.list(await client.cronTriggerList(), cronTriggerColumns);
  },
});
