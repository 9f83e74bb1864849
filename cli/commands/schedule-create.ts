import { defineCommand } from '../command.ts';
import { hookFlags, hooksOf } from '../hooks.ts';
import { maxAgeFlag, maxAgeOf } from '../max-age.ts';
import { instance, policies, selection } from '../parameters.ts';
import { selectionOf } from '../selection.ts';
import { createdScheduleProperties } from '../views/schedule.ts';

export const command = defineCommand({
  name: 'schedule-create',
  group: 'Schedules',
  summary: 'Back an instance up whenever a cron pattern fires',
  description:
    'The pattern has five fields: minute, hour, day of month, month, day of week. Days on which daylight saving time loses, moves or repeats a run are named on standard error.',
  positionals: {
    instance,
    pattern: { describe: 'five cron fields, in quotes' },
    name: { describe: 'name of the schedule and of its backups' },
  },
  flags: {
    description: {
      type: 'text',
      value: 'TEXT',
      describe: 'stands in each backup that it makes',
      allowEmpty: true,
    },
    ...policies,
    maxAge: maxAgeFlag,
    ...hookFlags,
    paused: { type: 'switch', describe: 'create it paused' },
    incremental: {
      type: 'switch',
      describe: 'make increments of the last backup, for engines that have them',
    },
    parentId: { type: 'text', value: 'BACKUP', describe: 'make increments of this backup' },
    ...selection,
  },
  prints: 'thing',
  examples: [
    ['backupctl schedule-create orders "*/2 * * * *" myback', 'Every two minutes'],
    [
      'backupctl schedule-create orders "30 2 * * *" nightly --keep-last 14',
      'Every night; what is older than the last fourteen good ones goes, so that the disk does not fill',
    ],
    [
      'backupctl schedule-create orders "30 2 * * 1-5" nightly --timezone Europe/Paris --overlap wait',
      'On working days at half past two in Paris; a run that is late makes the next one wait',
    ],
  ],
  async run(args, context) {
    const hooks = await hooksOf(args, context);
    const client = await context.client();
    const schedule = await client.scheduleCreate(args.instance, args.pattern, args.name, {
      description: args.description,
      timezone: args.timezone,
      overlap: args.overlap,
      onBusy: args.onBusy,
      catchupWindow: args.catchupWindow,
      jitter: args.jitter,
      keepLast: args.keepLast,
      maxAge: maxAgeOf(args.maxAge, 'schedule-create'),
      hooks,
      paused: args.paused,
      incremental: args.incremental,
      parentId: args.parentId,
      selection: selectionOf(args),
      yieldToDdl: args.yieldToDdl,
    });
    const { notices, ...created } = schedule;
    for (const notice of notices) context.output.note(notice);
    await context.output.thing(created, createdScheduleProperties(created));
  },
});
