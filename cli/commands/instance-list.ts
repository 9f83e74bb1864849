import { defineCommand } from '../command.ts';
import { instanceColumns } from '../views/instance.ts';

export const command = defineCommand({
  name: 'instance-list',
  group: 'Instances',
  summary: 'List the instances',
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [['backupctl instance-list', 'Those that were registered, and those of the configuration file']],
  async run(_args, context) {
    const client = await context.client();
    await context.output.list(await client.instanceList(), instanceColumns);
  },
});
