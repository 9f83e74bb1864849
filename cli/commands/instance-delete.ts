import { defineCommand } from '../command.ts';
import { instance } from '../parameters.ts';

export const command = defineCommand({
  name: 'instance-delete',
  group: 'Instances',
  summary: 'Forget an instance that has no schedules; its backups stay',
  positionals: { instance },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl instance-delete orders', 'It is refused while schedules name it']],
  async run(args, context) {
    const client = await context.client();
    await client.instanceDelete(args.instance);
  },
});
