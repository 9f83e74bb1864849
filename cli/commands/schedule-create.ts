import type { WorkflowRequest } from '../../client/types.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import { hookFlags, hooksOf } from '../hooks.ts';
import { dictionaryOf } from '../json-argument.ts';
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
    instance: { describe: `${instance.describe}; left out with --workflow where it is of none` },
    pattern: { describe: 'five cron fields, in quotes' },
    name: { describe: 'name of the schedule and of its backups', optional: true },
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
    workflow: {
      type: 'text',
      value: 'WORKFLOW',
      describe:
        'run this workflow of a workbook in place of backups, such as trove.backup_create; its parameters instance, name, description and parent_id are filled where --input leaves them out',
    },
    input: { type: 'text', value: 'JSON', describe: 'what the workflow takes: an object' },
    params: { type: 'text', value: 'JSON', describe: 'its `env`, `task_name` and the like: an object' },
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
    [
      'backupctl schedule-create orders "30 2 * * *" nightly --workflow trove.backup_create',
      'The same backup, by a workbook',
    ],
    [
      `backupctl schedule-create "0 5 * * 0" drill --workflow drill.weekly --input '{"instance": "orders"}'`,
      'A workflow that is of no instance',
    ],
  ],
  async run(args, context) {
    const { of, pattern, name } = positionalsOf(args);
    const workflow = workflowOf(args);
    const hooks = await hooksOf(args, context);
    const client = await context.client();
    const schedule = await client.scheduleCreate(of, pattern, name, {
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
      ...(workflow === undefined ? {} : { workflow }),
    });
    const { notices, ...created } = schedule;
    for (const notice of notices) context.output.note(notice);
    await context.output.thing(created, createdScheduleProperties(created));
  },
});

interface Given {
  instance: string;
  pattern: string;
  name: string | undefined;
  workflow: string | undefined;
  input: string | undefined;
  params: string | undefined;
}

/** Two words are pattern and name: then it is of no instance. @throws BackupctlError usage */
function positionalsOf({ instance: first, pattern: second, name: third, workflow }: Given) {
  if (third !== undefined) return { of: first, pattern: second, name: third };
  if (workflow !== undefined) return { of: null, pattern: first, name: second };
  throw new BackupctlError('usage', 'the name is missing (schedule-create)', {
    hint: 'give INSTANCE PATTERN NAME; only with --workflow the instance may be left out',
  });
}

/** @throws BackupctlError usage */
function workflowOf({ workflow: name, input, params }: Given): WorkflowRequest | undefined {
  if (name !== undefined) {
    return { name, input: dictionaryOf(input, '--input'), params: dictionaryOf(params, '--params') };
  }
  if (input === undefined && params === undefined) return undefined;
  throw new BackupctlError('usage', '--input and --params are of a workflow (schedule-create)', {
    hint: 'name it with --workflow',
  });
}
