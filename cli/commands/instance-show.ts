import { defineCommand } from '../command.ts';
import { instance } from '../parameters.ts';
import { instanceProperties } from '../views/instance.ts';

export const command = defineCommand({
  name: 'instance-show',
  group: 'Instances',
  summary: 'Show an instance',
  positionals: { instance },
  flags: { check: { type: 'switch', describe: 'connect to it, and show its version and size' } },
  prints: 'thing',
  examples: [['backupctl instance-show orders --check', 'Whether a backup of it could start']],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.instanceShow(args.instance, { check: args.check });
    for (const warning of shown.probe?.warnings ?? []) context.output.note(`warning: ${warning}`);
    await context.output.thing(shown, instanceProperties(shown));
  },
});
