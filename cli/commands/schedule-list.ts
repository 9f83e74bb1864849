import { defineCommand } from '../command.ts';
import { instance } from '../parameters.ts';
import { scheduleColumns } from '../views/schedule.ts';

export const command = defineCommand({
  name: 'schedule-list',
  group: 'Schedules',
  summary: 'List the schedules of an instance, or of all, the next one to run first',
  positionals: { instance: { ...instance, optional: true } },
  flags: {},
  prints: 'list',
  examples: [
    ['backupctl schedule-list orders', 'Those of one instance'],
    ['backupctl schedule-list --json', 'All of them, for a program'],
  ],
  async run(args, context) {
    const client = await context.client();
    await context.output.list(await client.scheduleList(args.instance), scheduleColumns);
  },
});
