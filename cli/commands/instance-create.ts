import { engineEntries } from '../../engines/registry.ts';
import { defineCommand } from '../command.ts';
import { hookFlags, hooksOf } from '../hooks.ts';
import { maxAgeFlag, maxAgeOf } from '../max-age.ts';
import { passwordFlags, passwordOf } from '../password.ts';
import { allowUrlFiles } from '../url-files.ts';
import { instanceProperties } from '../views/instance.ts';

export const command = defineCommand({
  name: 'instance-create',
  group: 'Instances',
  summary: 'Register a server to be backed up, or to restore to',
  description:
    'It connects, and prints version and size of the server. What its user lacks for a whole backup is said on standard error.',
  positionals: { name: { describe: 'its name' } },
  flags: {
    url: {
      type: 'text',
      value: 'URL',
      required: true,
      describe: `${engineEntries.map(({ url }) => url).join(' or ')}; without a database: all of them, new ones too, and the globals. No password in it`,
    },
    ...passwordFlags,
    noCheck: { type: 'switch', describe: 'register it without connecting' },
    taskQueue: { type: 'text', value: 'QUEUE', describe: 'the worker beside it does its work' },
    maxAge: maxAgeFlag,
    ...hookFlags,
  },
  prints: 'thing',
  examples: [
    [
      'backupctl instance-create orders --url postgres://backup@db1:5432/orders --password-file /run/secrets/orders',
      'One database, its password in a file',
    ],
    [
      'backupctl instance-create cluster --url postgres://backup@db1 --password-env ORDERS_PASSWORD',
      'A whole server; the variable is read by the worker',
    ],
  ],
  async run(args, context) {
    const password = await passwordOf(args, context);
    await allowUrlFiles(args.url, context);
    const hooks = await hooksOf(args, context);
    const client = await context.client();
    const created = await client.instanceCreate(args.name, {
      url: args.url,
      password,
      taskQueue: args.taskQueue ?? null,
      maxAge: maxAgeOf(args.maxAge, 'instance-create'),
      hooks,
      check: !args.noCheck,
    });
    for (const warning of created.probe?.warnings ?? []) context.output.note(`warning: ${warning}`);
    await context.output.thing(created, instanceProperties(created));
  },
});
