import { defineCommand } from '../command.ts';
import { schedule } from '../parameters.ts';

export const command = defineCommand({
  name: 'schedule-delete',
  group: 'Schedules',
  summary: 'Delete a schedule; its executions and backups stay',
  positionals: { schedule },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl schedule-delete fb149a29-be9b-49c1-a2f7-ca6c1213896f', 'It does not ask']],
  async run(args, context) {
    const client = await context.client();
    await client.scheduleDelete(args.schedule);
  },
});
