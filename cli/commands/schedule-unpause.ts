import { defineCommand } from '../command.ts';
import { schedule } from '../parameters.ts';
import { shownScheduleProperties } from '../views/schedule.ts';

export const command = defineCommand({
  name: 'schedule-unpause',
  group: 'Schedules',
  summary: 'Let a paused schedule fire again',
  positionals: { schedule },
  flags: { note: { type: 'text', value: 'TEXT', describe: 'why, for whoever looks at it next' } },
  prints: 'thing',
  examples: [
    [
      'backupctl schedule-unpause fb149a29-be9b-49c1-a2f7-ca6c1213896f --note "the new disk is in"',
      'From its next fire on',
    ],
  ],
  async run(args, context) {
    const client = await context.client();
    const changed = await client.scheduleUnpause(args.schedule, args.note);
    await context.output.thing(changed, shownScheduleProperties(changed));
  },
});
