import { changesOf } from '../changes.ts';
import { defineCommand } from '../command.ts';
import { hookChangeFlags, hooksOf } from '../hooks.ts';
import { maxAgeFlag, maxAgeOf } from '../max-age.ts';
import { instance } from '../parameters.ts';
import { passwordFlags, passwordOf } from '../password.ts';
import { allowUrlFiles } from '../url-files.ts';
import { instanceProperties } from '../views/instance.ts';

export const command = defineCommand({
  name: 'instance-update',
  group: 'Instances',
  summary: 'Change the name, URL, password or task queue of an instance',
  description: 'What is not named stays as it is. Its schedules and backups stay its own.',
  positionals: { instance },
  flags: {
    name: { type: 'text', value: 'NAME', describe: 'its new name' },
    url: { type: 'text', value: 'URL', describe: 'where it is from now on; no password in it' },
    ...passwordFlags,
    noCheck: { type: 'switch', describe: 'change it without connecting' },
    taskQueue: {
      type: 'text',
      value: 'QUEUE',
      describe: 'the worker beside it does its work; an empty text means the common queue',
      allowEmpty: true,
    },
    maxAge: { ...maxAgeFlag, describe: `${maxAgeFlag.describe}: \`default\`` },
    ...hookChangeFlags,
  },
  prints: 'thing',
  examples: [
    ['backupctl instance-update orders --url postgres://backup@db2:5432/orders', 'It has moved'],
    [
      'backupctl instance-update orders --hook before=freeze --hook after=thaw',
      'Two commands of the worker around each dump: see docs/hooks.md',
    ],
  ],
  async run(args, context) {
    const changes = changesOf(
      {
        name: args.name,
        url: args.url,
        password: await passwordOf(args, context),
        taskQueue: args.taskQueue === '' ? null : args.taskQueue,
        maxAge: maxAgeOf(args.maxAge, 'instance-update'),
        hooks: await hooksOf(args, context),
      },
      'instance-update',
    );
    await allowUrlFiles(args.url, context);
    const client = await context.client();
    const updated = await client.instanceUpdate(args.instance, { ...changes, check: !args.noCheck });
    for (const warning of updated.probe?.warnings ?? []) context.output.note(`warning: ${warning}`);
    await context.output.thing(updated, instanceProperties(updated));
  },
});
