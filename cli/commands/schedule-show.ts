import { defineCommand } from '../command.ts';
import { schedule } from '../parameters.ts';
import { shownScheduleProperties } from '../views/schedule.ts';

export const command = defineCommand({
  name: 'schedule-show',
  group: 'Schedules',
  summary: 'Show a schedule',
  positionals: { schedule },
  flags: {},
  prints: 'thing',
  examples: [
    ['backupctl schedule-show fb149a29-be9b-49c1-a2f7-ca6c1213896f', 'What is not the default, as well'],
    ['backupctl schedule-show nightly --long', 'Everything, of the one schedule of that name'],
  ],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.scheduleShow(args.schedule);
    await context.output.thing(shown, shownScheduleProperties(shown));
  },
});
