import { defineCommand } from '../command.ts';
import { instantOf } from '../instant.ts';
import { schedule } from '../parameters.ts';

export const command = defineCommand({
  name: 'schedule-backfill',
  group: 'Schedules',
  summary: 'Run the past fires of a schedule of a workflow, one after the other',
  description:
    'Each run finds the instant of its fire in `<% execution().params.get(scheduled_at) %>`. Fires that ran before run again. Of backups nothing can be made up for: a backup takes its database as it is now.',
  positionals: { schedule },
  flags: {
    from: {
      type: 'text',
      value: 'TIME',
      describe: 'the first instant, such as 2026-11-01 or 2026-11-01T02:30+01:00; UTC without a zone',
      required: true,
    },
    to: { type: 'text', value: 'TIME', describe: 'the last instant, which is included', required: true },
  },
  prints: 'thing',
  examples: [
    [
      'backupctl schedule-backfill drill --from 2026-11-01 --to "2026-11-07 23:59"',
      'The drills of the first week of November',
    ],
  ],
  async run(args, context) {
    const span = { from: instantOf(args.from, '--from'), to: instantOf(args.to, '--to') };
    const client = await context.client();
    const begun = await client.scheduleBackfill(args.schedule, span);
    const always = (value: unknown) => ({ value, show: 'always' as const });
    await context.output.thing(begun, {
      first: always(begun.first),
      last: always(begun.last),
      runs: always(begun.runs),
      schedule_id: always(begun.scheduleId),
    });
  },
});
