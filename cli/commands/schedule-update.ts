import { BackupctlError } from '../../errors/backupctl-error.ts';
import { changesOf } from '../changes.ts';
import { defineCommand } from '../command.ts';
import { hookChangeFlags, hooksOf } from '../hooks.ts';
import { maxAgeFlag, maxAgeOf } from '../max-age.ts';
import { policies, schedule } from '../parameters.ts';
import { shownScheduleProperties } from '../views/schedule.ts';

export const command = defineCommand({
  name: 'schedule-update',
  group: 'Schedules',
  summary: 'Change the pattern, name, description, zone or policies of a schedule',
  description: 'What is not named stays as it is.',
  positionals: { schedule },
  flags: {
    pattern: { type: 'text', value: 'PATTERN', describe: 'five cron fields, in quotes' },
    name: { type: 'text', value: 'NAME', describe: 'name of the schedule and of its next backups' },
    description: {
      type: 'text',
      value: 'TEXT',
      describe: 'stands in each backup that it makes; an empty text removes it',
      allowEmpty: true,
    },
    timezone: { ...policies.timezone, default: undefined },
    overlap: { ...policies.overlap, default: undefined },
    onBusy: { ...policies.onBusy, default: undefined },
    catchupWindow: { ...policies.catchupWindow, default: undefined },
    jitter: { ...policies.jitter, default: undefined },
    maxAge: { ...maxAgeFlag, describe: `${maxAgeFlag.describe}: \`default\`` },
    ...hookChangeFlags,
    keepLast: policies.keepLast,
    keepAll: { type: 'switch', describe: 'delete no older backups any more: the end of --keep-last' },
  },
  prints: 'thing',
  examples: [
    [
      'backupctl schedule-update fb149a29-be9b-49c1-a2f7-ca6c1213896f --pattern "0 3 * * *"',
      'From now on at three',
    ],
  ],
  async run(args, context) {
    if (args.keepAll && args.keepLast !== undefined) {
      throw new BackupctlError('usage', '--keep-all contradicts --keep-last (schedule-update)', {
        hint: 'give one of them',
      });
    }
    const changes = changesOf(
      {
        pattern: args.pattern,
        name: args.name,
        description: args.description === '' ? null : args.description,
        timezone: args.timezone,
        overlap: args.overlap,
        onBusy: args.onBusy,
        catchupWindow: args.catchupWindow,
        jitter: args.jitter,
        maxAge: maxAgeOf(args.maxAge, 'schedule-update'),
        hooks: await hooksOf(args, context),
        keepLast: args.keepAll ? null : args.keepLast,
      },
      'schedule-update',
    );
    const client = await context.client();
    const updated = await client.scheduleUpdate(args.schedule, changes);
    await context.output.thing(updated, shownScheduleProperties(updated));
  },
});
