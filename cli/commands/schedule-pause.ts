import { defineCommand } from '../command.ts';
import { schedule } from '../parameters.ts';
import { shownScheduleProperties } from '../views/schedule.ts';

export const command = defineCommand({
  name: 'schedule-pause',
  group: 'Schedules',
  summary: 'Keep a schedule from firing',
  positionals: { schedule },
  flags: { note: { type: 'text', value: 'TEXT', describe: 'why, for whoever looks at it next' } },
  prints: 'thing',
  examples: [
    [
      'backupctl schedule-pause fb149a29-be9b-49c1-a2f7-ca6c1213896f --note "the disk is being replaced"',
      'Until it is unpaused',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    const changed = await client.schedulePause(args.schedule, args.note);
    await context.output.thing(changed, shownScheduleProperties(changed));
  },
});
